// The delivery log of one tenant: what is collected is on the disk before the records that it counts are let go, and
// stays until every endpoint has it or it is too old. Bytes: docs/formats/generator-wal.md
// Rules: an append resolves when its collection survives a crash; each life and each failed append begins a segment;
// a false frame ends its segment, is told, and is never read.
import { NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { Directory, File } from "../../lib/fs.ts";
import { invariant } from "../../lib/invariant.ts";
import type { Logger } from "../../lib/log.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { Turns } from "../../lib/turns.ts";
import type { Collection } from "./collection.ts";
import { CollectionEncoder } from "./collection_codec.ts";
import { compareCursors, type Cursor, KeptCursor } from "./cursors.ts";
import { recoverSegments, type Segment } from "./delivery_recovery.ts";
import { add, type LogCounts } from "./delivery_metrics.ts";
import { createSegment, frameOf, SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";
import { SeriesIndex } from "./series_index.ts";
import { inTimeOrder, noteTimes } from "./time_order.ts";
import { kindsOf } from "./write_request.ts";

export interface DeliveryLogOptions {
  /** Of a file; then the next one is begun. */
  readonly segmentBytesMax: number;
  readonly segmentAgeMaxMs: number;
  /** Kept although everybody has it: a later life finds here how new each series is. */
  readonly keptMinMs: number;
  /** Gone although not everybody has it. */
  readonly keptMaxMs: number;
}

interface OpenSegment {
  readonly segment: Segment;
  readonly file: File;
  readonly encoder: CollectionEncoder;
}

export class DeliveryLog implements AsyncDisposable {
  readonly #turns = new Turns();
  readonly #cursors = new Map<string, KeptCursor>();
  #current: OpenSegment | undefined;
  #arrival = Promise.withResolvers<void>();
  #isClosed = false;

  private constructor(
    readonly runtime: Pick<Runtime, "clock">,
    readonly log: Logger,
    readonly directory: Directory,
    readonly options: DeliveryLogOptions,
    readonly counts: LogCounts,
    readonly lock: Disposable,
    /** Ascending; the last is being written if there is a current one. */
    readonly segments: Segment[],
    readonly index: SeriesIndex,
    /** What the newest collection has counted. */
    public nextOffsets: ReadonlyMap<number, number>,
  ) {}

  /** Throws UnavailableError while another process has it. */
  static async open(
    runtime: Runtime,
    tenant: string,
    directory: Directory,
    options: DeliveryLogOptions,
    counts: LogCounts,
  ): Promise<DeliveryLog> {
    const log = runtime.log.getChild("delivery").with({ tenant });
    const lock = await directory.lock("lock");
    try {
      const index = new SeriesIndex();
      const rememberedMs = runtime.clock.now() - options.keptMinMs;
      const found = await recoverSegments(directory, log, counts, index, rememberedMs);
      counts.sizeBytes.set(found.segments.reduce((sum, { end }) => sum + end, 0));
      return new DeliveryLog(
        runtime,
        log,
        directory,
        options,
        counts,
        lock,
        found.segments,
        index,
        found.nextOffsets,
      );
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** Resolves when it survives a crash; rejects with UnavailableError, and may then still be there after one. */
  append(collection: Collection): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#isClosed) throw new UnavailableError("the delivery log is closed");
      const { series, lateCount } = inTimeOrder(collection.series, this.index);
      this.counts.late.inc(lateCount);
      try {
        const { segment, file, encoder } = this.#current ??= await this.#begin();
        const frame = frameOf(encoder.encode({ ...collection, series }), segment.number);
        await file.write(frame, segment.end);
        await file.sync();
        segment.end += frame.length;
        segment.newestMs = Math.max(segment.newestMs, collection.timeMs);
        this.counts.sizeBytes.inc(frame.length);
      } catch (error) {
        await this.#abandonSegment();
        this.counts.writesFailed.inc();
        throw new UnavailableError(`${this.directory.path}: ${error}`, { cause: error });
      }
      noteTimes(series, this.index);
      this.nextOffsets = collection.nextOffsets;
      add(this.counts, kindsOf(series));
      this.counts.newestSeconds.set(collection.timeMs / 1000);
      this.#arrival.resolve();
      this.#arrival = Promise.withResolvers();
      this.#rotate(collection.timeMs);
    });
  }

  /** One past everything that may be read. */
  get end(): Cursor {
    const last = this.segments.at(-1);
    return { segment: last?.number ?? 1, position: last?.end ?? SEGMENT_HEADER_BYTES, sent: 0 };
  }

  /** Resolves at the next append after `seen`, or at once if there has been one. */
  async arrival(seen: Cursor): Promise<void> {
    if (compareCursors(this.end, seen) > 0) return;
    await this.#arrival.promise;
  }

  /** A segment is damaged: nothing more is written into it, for behind the damage nothing is understood. */
  leave(number: number): Promise<void> {
    return this.#turns.take(() => {
      if (this.#current?.segment.number === number) this.#endSegment();
      return Promise.resolve();
    });
  }

  /** An endpoint that is new begins with what is appended from now on. */
  async openCursor(endpoint: string): Promise<KeptCursor> {
    const { end } = this;
    const name = `${encodeURIComponent(endpoint)}.cursor`;
    const kept = await KeptCursor.open(this.directory, name, end);
    // Where segments are gone that it had passed, their numbers come again.
    if (kept.current.segment > end.segment) await kept.move(end);
    this.#cursors.set(name, kept);
    return kept;
  }

  /** When all cursors are open: those of endpoints that are no more hold nothing. */
  async forgetOtherCursors(): Promise<void> {
    for (const name of await this.directory.list()) {
      if (name.endsWith(".cursor") && !this.#cursors.has(name)) await this.directory.remove(name);
    }
  }

  /** Removes what everybody has, or nobody is to have any more. */
  truncate(): Promise<void> {
    return this.#turns.take(() => this.#truncate());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.take(() => {
      this.#isClosed = true;
      this.#endSegment();
      return Promise.resolve();
    });
    for (const cursor of this.#cursors.values()) cursor[Symbol.dispose]();
    this.#arrival.resolve();
    this.lock[Symbol.dispose]();
  }

  async #begin(): Promise<OpenSegment> {
    await this.#truncate(); // first: on a disk that is full there is no room otherwise
    const number = (this.segments.at(-1)?.number ?? 0) + 1;
    const createdMs = this.runtime.clock.now();
    const file = await createSegment(this.directory, number, createdMs);
    const segment = { number, createdMs, newestMs: createdMs, end: SEGMENT_HEADER_BYTES };
    this.segments.push(segment);
    this.counts.segment.set(number);
    return { segment, file, encoder: new CollectionEncoder(this.index) };
  }

  /** What the encoder has given numbers to may not be there; and what is there may not be found by a later life. */
  async #abandonSegment(): Promise<void> {
    const { file, segment } = this.#current ?? {};
    if (segment !== undefined) await file!.truncate(segment.end).catch(() => {});
    this.#endSegment();
  }

  #endSegment(): void {
    this.#current?.file.close();
    this.#current = undefined;
  }

  #rotate(nowMs: number): void {
    const { segment } = this.#current ?? {};
    invariant(segment !== undefined, "GD-1: what was appended is in a segment");
    const { segmentBytesMax, segmentAgeMaxMs } = this.options;
    if (segment.end < segmentBytesMax && nowMs - segment.createdMs < segmentAgeMaxMs) return;
    this.#endSegment();
    this.index.forget(nowMs - this.options.keptMinMs);
  }

  async #truncate(): Promise<void> {
    const nowMs = this.runtime.clock.now();
    const { keptMinMs, keptMaxMs } = this.options;
    const needed = Math.min(...[...this.#cursors.values()].map(({ current }) => current.segment));
    while (this.segments.length > 1) { // the newest one says what is counted
      const { number, newestMs, end } = this.segments[0]!;
      const isDone = number < needed && newestMs < nowMs - keptMinMs;
      const isTooOld = newestMs < nowMs - keptMaxMs;
      if (!isDone && !isTooOld) return;
      if (number >= needed) {
        this.counts.lostSegments.inc();
        this.log.error("an endpoint was away for too long, and what it lacks is removed", {
          segment: segmentName(number),
        });
      }
      this.segments.shift(); // first, so that nobody begins to read it
      this.counts.truncations.inc();
      this.counts.sizeBytes.dec(end);
      await this.directory.remove(segmentName(number)).catch((error) => {
        // The next life finds it and has it removed again.
        if (!(error instanceof NotFoundError)) this.log.warn("a segment stays", { number, error });
      });
    }
  }
}
