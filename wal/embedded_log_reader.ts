// Reads the files of an embedded log, in any thread: never beyond what its owner has said to be
// durable. Rules:
// - Only bodies of the wanted partition are looked at; of other frames the header is checked and the
//   rest stepped over.
// - What is not a true frame is reported to the owner, once, and reading goes on behind it.
// - Records of a batch are views of one buffer per partition, filled again by its next read.
import { InputError, NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Directory, File } from "../lib/fs.ts";
import { InvariantError } from "../lib/invariant.ts";
import type { Runtime } from "../lib/runtime.ts";
import { Arrivals } from "./arrivals.ts";
import type { DurableState, LogOwner } from "./durable_state.ts";
import { FRAME_HEADER_BYTES, type FrameHeader, isBodyTrue, RECORD_FRAME } from "./frame.ts";
import { FrameWalk, FrameWindow } from "./frame_window.ts";
import type { LogReader, ReadBatch, ReadOptions } from "./log.ts";
import { RecordBatch } from "./record_batch.ts";
import { SegmentFiles } from "./segment_files.ts";
import { segmentName } from "./segment_head.ts";

/** Enough that partitions which read a megabyte each in turn find it filled by the first of them. */
const WINDOW_BYTES = 4 << 20;
const utf8 = new TextDecoder();

/** Where the next read of a partition goes on. */
interface Cursor {
  offset: number;
  walk: FrameWalk;
  readonly batch: RecordBatch;
}

export class EmbeddedLogReader implements LogReader, AsyncDisposable {
  readonly #clock;
  readonly #owner: LogOwner;
  readonly #files: SegmentFiles;
  readonly #window = new FrameWindow(WINDOW_BYTES);
  readonly #arrivals = new Arrivals();
  readonly #cursors = new Map<number, Cursor>();
  readonly #reported = new Set<string>();
  #state: DurableState;
  #busy: Promise<unknown> = Promise.resolve();
  #close: (() => void) | undefined;
  #isClosed = false;

  constructor(
    runtime: Pick<Runtime, "clock">,
    directory: Directory,
    owner: LogOwner,
    state: DurableState,
  ) {
    this.#clock = runtime.clock;
    this.#owner = owner;
    this.#state = state;
    this.#files = new SegmentFiles(directory, this.#window);
  }

  /** What the owner posts after each commit, in the order it was posted. */
  update(state: DurableState): void {
    if (state.firstSegment > this.#state.firstSegment) this.#reported.clear();
    this.#state = state;
    for (const [partition, cursor] of this.#cursors) {
      // Nothing for it so far: it need not step over the others' frames later.
      if (cursor.offset >= this.#endOf(partition)) {
        cursor.walk = this.#walk(state.segment, state.position);
      }
    }
    this.#arrivals.announce();
  }

  get partitions(): readonly number[] {
    return this.#state.partitions;
  }

  async read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    options.signal.throwIfAborted();
    const { waitMs, bytesMax, signal } = options;
    const deadlineMs = this.#clock.monotonic() + waitMs;
    let leftMs = waitMs;
    while (leftMs > 0 && fromOffset >= this.#endOf(partition) && !this.#isClosed) {
      await this.#arrivals.wait(this.#clock, leftMs, signal);
      leftMs = deadlineMs - this.#clock.monotonic();
    }
    if (this.#isClosed) throw new UnavailableError("the log is closed");
    const from = Math.max(fromOffset, this.#startOf(partition));
    if (from >= this.#endOf(partition)) return { records: [], nextOffset: from };
    return await this.#inTurn(() => this.#readBatch(partition, from, bytesMax));
  }

  // deno-lint-ignore require-await -- an unknown partition rejects, it does not throw
  async startOffset(partition: number): Promise<number> {
    return this.#startOf(partition);
  }

  // deno-lint-ignore require-await
  async endOffset(partition: number): Promise<number> {
    return this.#endOf(partition);
  }

  commit(group: string, partition: number, offset: number): Promise<void> {
    return this.#owner.commit(group, partition, offset);
  }

  committedOffset(group: string, partition: number): Promise<number | undefined> {
    return this.#owner.committedOffset(group, partition);
  }

  /** What to undo when this reader is disposed of. */
  onClose(close: () => void): void {
    this.#close = close;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#close?.();
    this.#arrivals.announce();
    await this.#inTurn(() => Promise.resolve(this.#files.close()));
  }

  /** One window and one position per file: reads take turns. */
  #inTurn<T>(use: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(use).catch(asUnavailable);
    this.#busy = result.catch(() => {});
    return result;
  }

  async #readBatch(partition: number, from: number, bytesMax: number): Promise<ReadBatch> {
    // One state throughout: a later end with an earlier position would look like a hole.
    const state = this.#state;
    const endOffset = this.#endOf(partition);
    this.#files.forgetBefore(state.firstSegment);
    const cursor = await this.#cursorAt(partition, from, state);
    const { batch } = cursor;
    cursor.offset = -1; // not to be trusted until this read is done
    batch.begin(from, endOffset, bytesMax);
    for (let isFull = false; !isFull && !batch.isDone;) {
      const { segment } = cursor.walk;
      isFull = await this.#readSegment(cursor, partition, state);
      if (isFull || batch.isDone) break;
      if (segment >= state.segment) batch.skipToEnd();
      else cursor.walk = await this.#walkOf(Math.max(segment + 1, state.firstSegment));
    }
    cursor.offset = batch.nextOffset;
    return batch.result();
  }

  /** Fills the batch from where the cursor stands; true when the next record has no room in it. */
  async #readSegment(cursor: Cursor, partition: number, state: DurableState): Promise<boolean> {
    const { walk, batch } = cursor;
    const { segment } = walk;
    const entered = await this.#enter(segment, state);
    if (entered === undefined) return false;
    const { file, limit } = entered;
    while (walk.position < limit) {
      await this.#window.cover(file, segment, walk.position, FRAME_HEADER_BYTES, limit);
      for (let header; (header = walk.next(this.#window, limit)) !== undefined;) {
        if (header.kind !== RECORD_FRAME || header.partition !== partition) continue;
        if (header.offset < batch.nextOffset) continue;
        if (!batch.canTake(header.valueSize)) {
          walk.position = walk.frameAt;
          return true;
        }
        await this.#window.cover(file, segment, walk.frameAt, header.sizeBytes, limit);
        this.#take(header, walk, batch);
        if (batch.isDone) return false;
      }
    }
    return false;
  }

  async #cursorAt(partition: number, from: number, state: DurableState): Promise<Cursor> {
    const known = this.#cursors.get(partition);
    if (known?.offset === from && known.walk.segment >= state.firstSegment) return known;
    const segment = await this.#locate(partition, from, state);
    const walk = await this.#walkOf(segment);
    const cursor = { offset: from, walk, batch: known?.batch ?? new RecordBatch() };
    this.#cursors.set(partition, cursor);
    return cursor;
  }

  /** The last segment that begins at or before the offset; from the newest, for that is usual. */
  async #locate(partition: number, from: number, state: DurableState): Promise<number> {
    for (let segment = state.segment; segment > state.firstSegment; segment--) {
      try {
        const first = (await this.#files.firstOffsets(segment)).get(partition);
        if (first !== undefined && first <= from) return segment;
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
      }
    }
    return state.firstSegment;
  }

  /** Undefined where there is nothing to read: removed since `state`, begun in vain, or lost. */
  async #enter(
    segment: number,
    state: DurableState,
  ): Promise<{ file: File; limit: number } | undefined> {
    const isNewest = segment === state.segment;
    try {
      const limit = isNewest ? state.position : await this.#files.endBytes(segment, state.segment);
      return limit === undefined ? undefined : { file: await this.#files.open(segment), limit };
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      if (segment >= this.#state.firstSegment) this.#report(segment, 0, 0, "the file is missing");
      return undefined;
    }
  }

  #take(header: FrameHeader, walk: FrameWalk, batch: RecordBatch): void {
    const { partition, offset, appendedMs, tenantSize, valueSize } = header;
    const { bytes } = this.#window;
    const at = this.#window.indexOf(walk.frameAt);
    if (!isBodyTrue(bytes, at, header, walk.segment)) {
      const reason = `record ${offset} of partition ${partition} is not what was written`;
      return this.#report(walk.segment, walk.frameAt, walk.position, reason);
    }
    const tenantAt = at + FRAME_HEADER_BYTES;
    const valueAt = tenantAt + tenantSize;
    const tenant = utf8.decode(bytes.subarray(tenantAt, valueAt));
    const value = bytes.subarray(valueAt, valueAt + valueSize);
    batch.add({ partition, offset, timestampMs: appendedMs, tenant, value });
  }

  async #walkOf(segment: number): Promise<FrameWalk> {
    try {
      return this.#walk(segment, await this.#files.startBytes(segment));
    } catch (error) {
      if (error instanceof NotFoundError) return this.#walk(segment, 0); // `#enter` will say so
      throw error;
    }
  }

  #walk(segment: number, position: number): FrameWalk {
    return new FrameWalk(segment, position, (fromByte, toByte) => {
      this.#report(segment, fromByte, toByte, "no true frame");
    });
  }

  #report(segment: number, fromByte: number, toByte: number, reason: string): void {
    const key = `${segment}/${fromByte}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    const file = segmentName(segment);
    this.#owner.reportDamage({ segment, file, fromByte, toByte, reason });
  }

  #startOf(partition: number): number {
    return this.#state.startOffsets[this.#indexOf(partition)]!;
  }

  #endOf(partition: number): number {
    return this.#state.endOffsets[this.#indexOf(partition)]!;
  }

  #indexOf(partition: number): number {
    const index = this.#state.partitions.indexOf(partition);
    if (index < 0) throw new InputError("invalid_argument", `there is no partition ${partition}`);
    return index;
  }
}

function asUnavailable(error: unknown): never {
  if (error instanceof InvariantError || error instanceof TypeError) throw error;
  const { message } = error as Error;
  throw new UnavailableError(`the log cannot be read: ${message}`, { cause: error });
}
