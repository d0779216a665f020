// Reads that are asked for together become few: neighbours are fetched with the gap between them,
// because a request to a store costs as much as some ten thousand bytes.

import { CorruptionError } from "../../lib/errors.ts";

export interface SourceRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** What a range of a file holds, for those who keep some of it longer than the rest. */
export type FilePart = "footer" | "offset-index" | "column-index" | "row-ids" | "page";

/** Bytes of one file, by ranges; never fewer than asked for. */
export interface ByteSource {
  readonly sizeBytes: number;
  read(offset: number, sizeBytes: number, part?: FilePart): Promise<Uint8Array>;
}

/** Gives all the ranges at once, in order. */
export type ReadRanges = (ranges: readonly SourceRange[]) => Promise<Uint8Array[]>;

interface Waiting extends SourceRange {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

/** Callers that wait for a few promises before they read are still of the same batch. */
const TURNS = 12;

/** More than this is not read at once, however close the neighbours are. */
const BATCH_BYTES_MAX = 1 << 24;

export class BatchedSource implements ByteSource {
  #waiting: Waiting[] = [];

  /** `bytesMax`: gaps are left out, the widest first, while a batch with them would be larger. */
  constructor(
    readonly sizeBytes: number,
    readonly gapBytesMax: number,
    readonly readRanges: ReadRanges,
    readonly bytesMax = Infinity,
  ) {}

  read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    if (sizeBytes === 0) return Promise.resolve(new Uint8Array(0));
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    if (this.#waiting.length === 0) this.#flushSoon();
    this.#waiting.push({ offset, sizeBytes, resolve, reject });
    return promise;
  }

  async #flushSoon(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
    const waiting = this.#waiting.sort((a, b) => a.offset - b.offset);
    this.#waiting = [];
    const batches = joined(waiting, Math.min(this.gapBytesMax, gapWithin(waiting, this.bytesMax)));
    try {
      const parts = await this.readRanges(batches);
      batches.forEach((batch, i) => settle(batch, parts[i]!));
    } catch (reason) {
      for (const { reject } of waiting) reject(reason);
    }
  }
}

/** The widest gap that may be read if all up to it are, and no more than `bytesMax` in all. */
function gapWithin(ascending: readonly SourceRange[], bytesMax: number): number {
  if (bytesMax === Infinity) return Infinity;
  let end = 0;
  let left = bytesMax;
  const gaps: number[] = [];
  for (const { offset, sizeBytes } of ascending) {
    if (end > 0 && offset > end) gaps.push(offset - end);
    left -= Math.max(0, offset + sizeBytes - Math.max(end, offset));
    end = Math.max(end, offset + sizeBytes);
  }
  for (const gap of gaps.sort((a, b) => a - b)) {
    left -= gap;
    if (left < 0) return gap - 1;
  }
  return Infinity;
}

interface Batch extends SourceRange {
  readonly waiting: readonly Waiting[];
}

function joined(waiting: readonly Waiting[], gapBytesMax: number): Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from < waiting.length;) {
    const { offset } = waiting[from]!;
    let end = offset;
    let to = from;
    while (to < waiting.length) {
      const next = waiting[to]!;
      const nextEnd = Math.max(end, next.offset + next.sizeBytes);
      const isNear = next.offset <= end + gapBytesMax && nextEnd - offset <= BATCH_BYTES_MAX;
      if (to > from && !isNear) break;
      end = nextEnd;
      to++;
    }
    batches.push({ offset, sizeBytes: end - offset, waiting: waiting.slice(from, to) });
    from = to;
  }
  return batches;
}

function settle(batch: Batch, bytes: Uint8Array): void {
  for (const { offset, sizeBytes, resolve, reject } of batch.waiting) {
    const at = offset - batch.offset;
    if (bytes.length < at + sizeBytes) reject(new CorruptionError("file ends early", offset));
    else resolve(bytes.subarray(at, at + sizeBytes));
  }
}
