// Reads that are asked for together become few: neighbours are fetched with the gap between them,
// because a request to a store costs as much as some ten thousand bytes.

import { CorruptionError } from "../../lib/errors.ts";

export interface SourceRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Bytes of one file, by ranges; never fewer than asked for. */
export interface ByteSource {
  readonly sizeBytes: number;
  read(offset: number, sizeBytes: number): Promise<Uint8Array>;
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

  constructor(
    readonly sizeBytes: number,
    readonly gapBytesMax: number,
    readonly readRanges: ReadRanges,
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
    const batches = joined(waiting, this.gapBytesMax);
    try {
      const parts = await this.readRanges(batches);
      batches.forEach((batch, i) => settle(batch, parts[i]!));
    } catch (reason) {
      for (const { reject } of waiting) reject(reason);
    }
  }
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
