// Exponential buckets of one series, as Prometheus' native histograms have them: schema s has 2^s buckets
// to every power of two, and bucket i holds (2^((i-1)/2^s), 2^(i/2^s)].
// Rules: what is at most ZERO_THRESHOLD is zero; where there are too many buckets the histogram starts
// anew if it is old enough, and else every two of them become one.
// Latencies are never negative, so there is one side only.

import type { Buckets, NativeHistogram } from "./series.ts";
import type { NativeSettings } from "./settings.ts";

/** 2^-128, as client libraries have it. */
const ZERO_THRESHOLD = 2.938735877055719e-39;
const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;
/** A gap that is written as empty buckets, because a span more costs as much. */
const GAP_MAX = 2;

const NO_BUCKETS: Buckets = { spans: [], deltas: [] };

export class NativeBuckets {
  #schema: number;
  #counts = new Map<number, number>();
  #count = 0;
  #zeroCount = 0;
  #sum = 0;
  /** What a weight has left over after its whole observations. */
  #rest = 0;
  #startedMs: number;
  #isReset = true;

  constructor(readonly settings: NativeSettings, nowMs: number) {
    this.#schema = schemaOf(settings.factor);
    this.#startedMs = nowMs;
  }

  /** Counts are whole: of a weight the fraction is kept for the next one. */
  observe(value: number, weight: number, nowMs: number): void {
    const exact = weight + this.#rest;
    const times = Math.floor(exact + 1e-9);
    this.#rest = Math.max(0, exact - times);
    if (times === 0) return;
    this.#count += times;
    this.#sum += value * times;
    if (value <= ZERO_THRESHOLD) {
      this.#zeroCount += times;
      return;
    }
    const index = bucketIndex(value, this.#schema);
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + times);
    const { bucketsMax } = this.settings;
    if (bucketsMax > 0 && this.#counts.size > bucketsMax) this.#limit(value, times, nowMs);
  }

  bucketOf(value: number): number {
    return value <= ZERO_THRESHOLD ? Number.NEGATIVE_INFINITY : bucketIndex(value, this.#schema);
  }

  collect(): NativeHistogram {
    const isReset = this.#isReset;
    this.#isReset = false;
    return {
      schema: this.#schema,
      count: this.#count,
      sum: this.#sum,
      zeroThreshold: ZERO_THRESHOLD,
      zeroCount: this.#zeroCount,
      positive: bucketsOf(this.#counts),
      negative: NO_BUCKETS,
      isReset,
    };
  }

  #limit(value: number, times: number, nowMs: number): void {
    if (nowMs - this.#startedMs >= this.settings.resetMinMs) {
      this.#schema = schemaOf(this.settings.factor);
      this.#counts = new Map([[bucketIndex(value, this.#schema), times]]);
      this.#count = times;
      this.#sum = value * times;
      this.#zeroCount = 0;
      this.#startedMs = nowMs;
      this.#isReset = true;
      return;
    }
    while (this.#counts.size > this.settings.bucketsMax && this.#schema > SCHEMA_MIN) {
      this.#schema--;
      const coarser = new Map<number, number>();
      for (const [index, count] of this.#counts) {
        const at = (index + 1) >> 1;
        coarser.set(at, (coarser.get(at) ?? 0) + count);
      }
      this.#counts = coarser;
    }
  }
}

/** The coarsest schema whose buckets grow by no more than `factor`. */
export function schemaOf(factor: number): number {
  if (!(factor > 1)) return SCHEMA_MAX;
  const floor = Math.floor(Math.log2(Math.log2(factor)));
  return Math.max(SCHEMA_MIN, Math.min(SCHEMA_MAX, 0 - floor));
}

const bits = new DataView(new ArrayBuffer(8));
/** By schema: the upper bounds of the buckets in [1/2, 1), so that a bound is in its own bucket. */
const boundsOf = Array.from(
  { length: SCHEMA_MAX + 1 },
  (_, schema) => Float64Array.from({ length: 1 << schema }, (_, i) => 2 ** (i / (1 << schema)) / 2),
);

/** Of a positive number. */
export function bucketIndex(value: number, schema: number): number {
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const isSubnormal = (high & 0x7ff00000) === 0;
  if (isSubnormal) {
    return bucketIndex(value * 2 ** 64, schema) - (schema >= 0 ? 64 << schema : 64 >> -schema);
  }
  const exponent = ((high >>> 20) & 0x7ff) - 1022;
  bits.setUint32(0, (high & 0xfffff) | 0x3fe00000);
  const fraction = bits.getFloat64(0); // [1/2, 1)
  if (schema <= 0) return (exponent - (fraction === 0.5 ? 1 : 0) + (1 << -schema) - 1) >> -schema;
  return firstAtLeast(boundsOf[schema]!, fraction) + (exponent - 1) * (1 << schema);
}

/** Length if there is none. */
function firstAtLeast(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function bucketsOf(counts: ReadonlyMap<number, number>): Buckets {
  const spans: { offset: number; length: number }[] = [];
  const deltas: number[] = [];
  let next = 0;
  let before = 0;
  for (const index of [...counts.keys()].sort((a, b) => a - b)) {
    const gap = index - next;
    const last = spans.at(-1);
    if (last === undefined || gap > GAP_MAX) spans.push({ offset: gap, length: 1 });
    else {
      for (let i = 0; i < gap; i++) {
        deltas.push(-before);
        before = 0;
      }
      last.length += gap + 1;
    }
    const count = counts.get(index)!;
    deltas.push(count - before);
    before = count;
    next = index + 1;
  }
  return { spans, deltas };
}
