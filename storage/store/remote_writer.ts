// An object written to a bucket in parts while it is made. Memory: two parts, one that fills while the
// one before is on its way.
// Rules: an object that fits one part is one plain write; whatever fails or is given up takes its
// parts with it.
import type { Upload } from "./bucket.ts";
import type { ObjectWriter } from "./object_store.ts";

/** What the writer asks of its store; each call has the store's patience. */
export interface PartSink {
  put(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Not to be stopped: what was begun must be known to be ended. */
  begin(): Promise<Upload>;
  part(
    upload: Upload,
    index: number,
    bytes: Uint8Array,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<void>;
  complete(upload: Upload, signal: AbortSignal): Promise<void>;
  abort(upload: Upload): Promise<void>;
}

export class RemoteObjectWriter implements ObjectWriter {
  #filling: Uint8Array | undefined;
  #filledBytes = 0;
  #parts = 0;
  #upload: Upload | undefined;
  /** The part on its way; never rejects, for nobody may be waiting. */
  #sending: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  readonly #stop = new AbortController();

  constructor(
    readonly sink: PartSink,
    readonly partBytes: number,
    readonly onLeak: (error: unknown) => void,
  ) {}

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      // Not before more bytes have come: the last part is sent by `close` and is never empty.
      if (this.#filledBytes === this.partBytes) await this.#send(false);
      this.#throwIfFailed();
      const filling = this.#filling ??= new Uint8Array(this.partBytes);
      const piece = bytes.subarray(at, at + this.partBytes - this.#filledBytes);
      filling.set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      at += piece.length;
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#parts === 0) await this.sink.put(this.#filled(), this.#stop.signal);
      else {
        await this.#send(true);
        await this.#sending;
        this.#throwIfFailed();
        await this.sink.complete(this.#upload!, this.#stop.signal);
      }
      this.#isOver = true;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure ??= { error: new Error("the object's writer gave up") };
    this.#stop.abort(this.#failure.error);
    this.#filling = undefined;
    await this.#sending;
    if (this.#upload === undefined) return;
    await this.sink.abort(this.#upload).catch(this.onLeak);
  }

  async #send(isLast: boolean): Promise<void> {
    await this.#sending;
    this.#throwIfFailed();
    const bytes = this.#filled();
    const index = this.#parts++;
    this.#filling = undefined;
    this.#filledBytes = 0;
    const send = async () => {
      this.#upload ??= await this.sink.begin();
      await this.sink.part(this.#upload, index, bytes, isLast, this.#stop.signal);
    };
    this.#sending = send().catch((error) => {
      this.#failure ??= { error };
    });
  }

  #filled(): Uint8Array {
    return this.#filling?.subarray(0, this.#filledBytes) ?? new Uint8Array();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
