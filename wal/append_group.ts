// The appends that wait for one fdatasync. Values are written straight into the group's chunks;
// where they will lie, and with which offsets, is decided when the group is sealed.
import { describeFrame, frameSize, MARK_FRAME, RECORD_FRAME, sealFrame } from "./frame.ts";
import type { NewRecord } from "./log.ts";

const CHUNK_BYTES = 1 << 20;
const SPARE_CHUNKS_MAX = 16;
const utf8 = new TextEncoder();

/** Chunks are used again: a fresh megabyte costs 256 page faults. */
export class ChunkPool {
  readonly #spare: Chunk[] = [];

  take(size: number): Chunk {
    if (size > CHUNK_BYTES) return new Chunk(size);
    return this.#spare.pop() ?? new Chunk(CHUNK_BYTES);
  }

  give(chunk: Chunk): void {
    if (chunk.bytes.length !== CHUNK_BYTES || this.#spare.length >= SPARE_CHUNKS_MAX) return;
    chunk.length = 0;
    this.#spare.push(chunk);
  }
}

class Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  length = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  get free(): number {
    return this.bytes.length - this.length;
  }

  filled(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

interface WaitingAppend {
  readonly count: number;
  readonly offsets: number[];
  readonly result: PromiseWithResolvers<number[]>;
}

export class AppendGroup {
  sizeBytes = 0;
  readonly chunks: Chunk[] = [];
  readonly #appends: WaitingAppend[] = [];

  constructor(readonly pool: ChunkPool) {}

  get isEmpty(): boolean {
    return this.chunks.length === 0;
  }

  /** All of the records or, if one of them cannot be written, none. */
  add(records: readonly NewRecord[], nowMs: number): Promise<number[]> {
    const chunks = this.chunks.length;
    const length = this.chunks.at(-1)?.length ?? 0;
    const sizeBytes = this.sizeBytes;
    try {
      for (const record of records) this.#stage(record, nowMs);
    } catch (error) {
      for (const chunk of this.chunks.splice(chunks)) this.pool.give(chunk);
      if (chunks > 0) this.chunks[chunks - 1]!.length = length;
      this.sizeBytes = sizeBytes;
      throw error;
    }
    const result = Promise.withResolvers<number[]>();
    this.#appends.push({ count: records.length, offsets: [], result });
    return result.promise;
  }

  /** Says, from behind them, that the frames before it were durable, and which offsets follow. */
  addMark(nextOffsets: ReadonlyMap<number, number>, nowMs: number): void {
    const { bytes, view, length } = this.#chunkFor(frameSize(0, 16 * nextOffsets.size));
    describeFrame(view, length, MARK_FRAME, 0, 0, 16 * nextOffsets.size, nowMs);
    const body = encodeMark(nextOffsets);
    bytes.set(body, length + frameSize(0, 0));
    this.#grow(frameSize(0, body.length));
  }

  /** Gives every frame its offset, taken from `nextOffsets` and counted there, and its checksums. */
  seal(segment: number, durableBytes: number, nextOffsets: Map<number, number>): void {
    const offsets: number[] = [];
    for (const { bytes, view, length } of this.chunks) {
      for (let at = 0; at < length;) {
        const isRecord = view.getUint16(at + 22, true) === RECORD_FRAME;
        let offset = 0;
        if (isRecord) {
          const partition = view.getUint32(at + 16, true);
          offset = nextOffsets.get(partition) ?? 0;
          nextOffsets.set(partition, offset + 1);
          offsets.push(offset);
        }
        sealFrame(bytes, view, at, segment, offset, durableBytes);
        at += frameSize(view.getUint16(at + 20, true), view.getUint32(at + 12, true));
      }
    }
    let taken = 0;
    for (const append of this.#appends) {
      append.offsets.push(...offsets.slice(taken, taken += append.count));
    }
  }

  resolve(): void {
    this.#release();
    for (const { offsets, result } of this.#appends) result.resolve(offsets);
  }

  reject(error: Error): void {
    this.#release();
    for (const { result } of this.#appends) result.reject(error);
  }

  #stage(record: NewRecord, nowMs: number): void {
    const { partition, sizeBytes } = record;
    const tenant = utf8.encode(record.tenant);
    const size = frameSize(tenant.length, sizeBytes);
    const { bytes, view, length } = this.#chunkFor(size);
    const bodyAt = length + frameSize(0, 0);
    bytes.set(tenant, bodyAt);
    record.write(bytes, bodyAt + tenant.length);
    describeFrame(view, length, RECORD_FRAME, partition, tenant.length, sizeBytes, nowMs);
    this.#grow(size);
  }

  #chunkFor(size: number): Chunk {
    const last = this.chunks.at(-1);
    if (last !== undefined && last.free >= size) return last;
    const chunk = this.pool.take(size);
    this.chunks.push(chunk);
    return chunk;
  }

  #grow(size: number): void {
    this.chunks.at(-1)!.length += size;
    this.sizeBytes += size;
  }

  #release(): void {
    for (const chunk of this.chunks) this.pool.give(chunk);
  }
}

/** partitions × { f64 partition, f64 nextOffset } */
function encodeMark(nextOffsets: ReadonlyMap<number, number>): Uint8Array {
  return new Uint8Array(Float64Array.from([...nextOffsets].flat()).buffer);
}

export function decodeMark(body: Uint8Array): [number, number][] {
  const numbers = new Float64Array(body.slice().buffer);
  return Array.from(
    { length: numbers.length / 2 },
    (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!],
  );
}
