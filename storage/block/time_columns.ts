// Time columns: 64-bit nanoseconds, written as numbers relative to a base near most of them.
// Rule: every time is exact. A page with times that a number cannot hold relative to the base goes
// through big integers: slow, but only for clients that send nonsense.

import {
  type NanoBase,
  nanoBase,
  relativeNano,
  type SpanColumns,
} from "../../model/span_columns.ts";
import type { PageBounds } from "../parquet/column_chunk.ts";
import { encodeDelta, encodeDelta64 } from "../parquet/encodings.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import type { ChunkOutput, Steps } from "./chunk_output.ts";
import { int64Bytes } from "./number_columns.ts";
import type { Leaf } from "./schema.ts";

const HOUR_NANO = 3_600_000_000_000n;
const RELATIVE_NANO_MAX = 2 ** 51; // 26 days; beyond, zigzag of a delta would lose its last bit

export class TimeColumns {
  readonly base: NanoBase;
  readonly #baseNano: bigint;

  constructor(readonly output: ChunkOutput, readonly columns: SpanColumns, order: Int32Array) {
    // A multiple of an hour: rounded starts need whole intervals, and time 0 stays exact.
    this.#baseNano = medianStart(columns, order) / HOUR_NANO * HOUR_NANO;
    this.base = nanoBase(this.#baseNano);
  }

  /** Times as two words each, by row of the list. */
  column(leaf: Leaf, list: ListLevels, words: Uint32Array): Steps {
    const { base } = this;
    return this.#delta(
      leaf,
      list,
      this.#baseNano,
      (row) => relativeNano(words, row, base),
      (row) => wideNano(words, row),
    );
  }

  /** Ends of spans less their starts; negative ones wrap around, as in the peer's blocks. */
  durations(leaf: Leaf, list: ListLevels): Steps {
    const { columns } = this;
    const { durationNano } = columns;
    return this.#delta(
      leaf,
      list,
      0n,
      (row) => durationNano[row]!,
      (row) => columns.endNano(row) - wideNano(columns.startUnixNano, row),
    );
  }

  /** Ends of traces less their starts. */
  differences(leaf: Leaf, list: ListLevels, start: Uint32Array, end: Uint32Array): Steps {
    return this.#delta(
      leaf,
      list,
      0n,
      (row) => relativeNano(end, row, { low: start[row * 2]!, high: start[row * 2 + 1]! }),
      (row) => wideNano(end, row) - wideNano(start, row),
    );
  }

  /** Times of events less the starts of their spans. */
  sinceStarts(leaf: Leaf, list: ListLevels): Steps {
    const { base, columns } = this;
    const { startUnixNano, events } = columns;
    const spanOf = spansOfEvents(columns);
    return this.#delta(
      leaf,
      list,
      0n,
      (row) =>
        relativeNano(events.timeUnixNano, row, base) -
        relativeNano(startUnixNano, spanOf[row]!, base),
      (row) => wideNano(events.timeUnixNano, row) - wideNano(startUnixNano, spanOf[row]!),
    );
  }

  /** ceil(start / interval) - 1, so that intervals are open on the left; 0 for start 0. */
  roundedStarts(leaf: Leaf, list: ListLevels, seconds: number): Steps {
    const { output, base } = this;
    const intervalNano = seconds * 1e9;
    const wideInterval = BigInt(intervalNano);
    const baseInterval = Number(this.#baseNano / wideInterval);
    const { startUnixNano } = this.columns;
    const { row } = list;
    return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
      const numbers = output.numbers(to - from);
      let count = 0;
      for (let i = from; i < to; i++) {
        if (row[i]! < 0) continue;
        const relative = relativeNano(startUnixNano, row[i]!, base);
        const interval = Math.abs(relative) <= RELATIVE_NANO_MAX
          ? baseInterval + Math.ceil(relative / intervalNano) - 1
          : Number((wideNano(startUnixNano, row[i]!) - 1n) / wideInterval);
        numbers[count++] = interval < 0 ? 0 : interval;
      }
      encodeDelta(output.values, numbers, 0, count);
      return count;
    });
  }

  #delta(
    leaf: Leaf,
    list: ListLevels,
    base: bigint,
    narrow: (row: number) => number,
    wide: (row: number) => bigint,
  ): Steps {
    const { output } = this;
    const { row } = list;
    return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
      const numbers = output.numbers(to - from);
      let count = 0;
      let min = Infinity;
      let max = -Infinity;
      for (let i = from; i < to; i++) {
        if (row[i]! < 0) continue;
        const value = narrow(row[i]!);
        if (value < min) min = value;
        if (value > max) max = value;
        numbers[count++] = value;
      }
      // One absurd time makes differences that a number cannot hold, and would spoil its neighbours.
      if (max <= RELATIVE_NANO_MAX && min >= -RELATIVE_NANO_MAX) {
        encodeDelta(output.values, numbers, 0, count, base);
        if (leaf.hasBounds && count > 0) {
          output.bounds = unsignedBounds(numbers.subarray(0, count), min, max, base);
        }
        return count;
      }
      const exact = new BigInt64Array(count);
      for (let i = from, at = 0; i < to; i++) if (row[i]! >= 0) exact[at++] = wide(row[i]!);
      encodeDelta64(output.values, exact);
      if (leaf.hasBounds) output.bounds = boundsOf(exact);
      return count;
    });
  }
}

/** Of numbers of which some may be negative: read as unsigned, those are above all others. */
function unsignedBounds(numbers: Float64Array, min: number, max: number, base: bigint): PageBounds {
  if (base === 0n && min < 0 && max >= 0) {
    min = Infinity;
    max = -Infinity;
    for (const value of numbers) {
      if (value >= 0 && value < min) min = value;
      if (value < 0 && value > max) max = value;
    }
  }
  return { min: int64Bytes(base + BigInt(min)), max: int64Bytes(base + BigInt(max)) };
}

function boundsOf(values: BigInt64Array): PageBounds | undefined {
  if (values.length === 0) return undefined;
  const unsigned = new BigUint64Array(values.buffer);
  let min = unsigned[0]!;
  let max = min;
  for (const value of unsigned) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min: int64Bytes(min), max: int64Bytes(max) };
}

export function wideNano(words: Uint32Array, row: number): bigint {
  return BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!);
}

/** Events lie in span order, so their spans are found by walking both. */
function spansOfEvents({ events, eventStart, length }: SpanColumns): Int32Array {
  const spanOf = new Int32Array(events.length);
  for (let span = 0; span < length; span++) {
    for (let i = eventStart[span]!; i < eventStart[span + 1]!; i++) spanOf[i] = span;
  }
  return spanOf;
}

/** The start of the span in the middle: some clients send zero or nonsense, rarely most of them. */
function medianStart(columns: SpanColumns, order: Int32Array): bigint {
  const highs = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) highs[i] = columns.startUnixNano[order[i]! * 2 + 1]!;
  return BigInt(highs.sort()[order.length >> 1] ?? 0) << 32n;
}
