// A socket of node:net or node:tls as the bytes that our own servers read and write.
// Rule: what is not read is not taken from the peer, and a write resolves when its bytes may be used again.
import type { Socket } from "node:net";
import type { ByteStream } from "./byte_stream.ts";

const NOTHING = new Uint8Array(0);

export class SocketStream implements ByteStream {
  readonly #socket: Socket;
  /** Taken off the socket and not read yet. */
  #held: Uint8Array = NOTHING;
  #hasEnded = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#hasEnded = true;
      wake();
    });
    socket.on("error", (error: Error) => {
      this.#failure = error;
      wake();
    });
    socket.on("close", () => {
      this.#hasEnded = true;
      wake();
    });
  }

  /** One at a time. */
  async read(into: Uint8Array): Promise<number | null> {
    while (this.#held.length === 0) {
      this.#held = this.#socket.read() as Uint8Array | null ?? NOTHING;
      if (this.#held.length > 0) break;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    const part = this.#held.subarray(0, into.length);
    into.set(part);
    this.#held = this.#held.subarray(part.length);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    // A socket that closes while it writes does not always call back.
    const closed = () => reject(this.#failure ?? new Error("the connection is closed"));
    this.#socket.once("close", closed);
    this.#socket.write(bytes, (error) => {
      this.#socket.removeListener("close", closed);
      if (error) reject(error);
      else resolve(bytes.length);
    });
    return promise;
  }

  closeWrite(): Promise<void> {
    this.#socket.end();
    return Promise.resolve();
  }

  close(): void {
    this.#socket.destroy();
  }
}
