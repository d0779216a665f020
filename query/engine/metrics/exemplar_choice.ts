// Examples for the points of a graph: which spans stand for the stretches of time of a query.
// Rule: the choice depends on the spans alone. Each trace has a rank that is a hash of its id, and the
// two lowest of each stretch are kept, so that the choice of a merge is the choice of the whole.

import type { SpanView } from "../../../model/span_view.ts";
import { type FieldReader, fieldReader } from "../field_values.ts";
import { hexOfWords, withoutLeadingZeros } from "../id_words.ts";
import type { ResultAttribute } from "../query_request.ts";
import { resultValue } from "../result_values.ts";
import { printReference, type Reference } from "../../traceql/mod.ts";
import type { Positions } from "./label_column.ts";
import type { MetricsExemplar } from "./metrics_answer.ts";

export const PER_SLOT = 2;
const NONE = 0xffffffff;

/** How many stretches of time have exemplars of their own; the intervals are dealt out among them. */
export function slotCount(exemplars: number, intervals: number): number {
  return Math.min(Math.ceil(exemplars / PER_SLOT), intervals);
}

export interface ExemplarInput {
  readonly view: SpanView;
  readonly at: Positions;
  readonly intervals: Int32Array;
  readonly intervalCount: number;
  /** Undefined for rates and counts. */
  readonly values: Float64Array | undefined;
  readonly exemplars: number;
  readonly references: readonly Reference[];
  readonly seriesOf: (position: number) => string;
}

export async function chooseExemplars(input: ExemplarInput): Promise<MetricsExemplar[]> {
  const { view, at, intervals, intervalCount, values, exemplars, references } = input;
  const slots = slotCount(exemplars, intervalCount);
  if (slots === 0) return [];
  const traces = await view.traces();
  const traceOf = await view.traceOfSpan();
  const ranks = ranksOf(traces.idWords, traces.length);
  const slotOf = Int32Array.from(
    { length: intervalCount },
    (_, interval) => Math.floor(interval * slots / intervalCount),
  );
  const chosen = lowest({ at, intervals, values, slots, slotOf, traceOf, ranks });
  if (chosen.length === 0) return [];
  const rowOf = (position: number) => at.rows === undefined ? position : at.rows[position]!;
  const rows = Int32Array.from(chosen, rowOf).sort();
  const readers: [string, FieldReader][] = [];
  for (const ref of references) {
    if (ref.node === "intrinsic" && IDS.has(ref.name)) continue;
    readers.push([printReference(ref), await fieldReader(view, ref, {}, rows)]);
  }
  const ids = await view.spanIds();
  const starts = await view.startUnixNano();
  const found = chosen.map((position): MetricsExemplar => {
    const row = rowOf(position);
    const traceId = hexOfWords(traces.idWords, traceOf[row]! * 4, 4);
    const spanId = hexOfWords(ids, row * 2, 2);
    const labels: ResultAttribute[] = [
      { key: "trace:id", value: { stringValue: withoutLeadingZeros(traceId) } },
      { key: "span:id", value: { stringValue: spanId } },
    ];
    for (const [key, read] of readers) {
      const found = read(row);
      if (found.length > 0) labels.push({ key, value: resultValue(found) });
    }
    return {
      series: input.seriesOf(position),
      interval: intervals[position]!,
      timestampMs: millisecondsUp(starts, row),
      value: values === undefined ? NaN : values[position]!,
      traceId,
      spanId,
      labels,
      slot: slotOf[intervals[position]!]!,
      rank: ranks[traceOf[row]!]!,
    };
  });
  return mergeExemplars([found]);
}

/** Upwards, so that it stays in its interval, which ends with a whole millisecond. */
function millisecondsUp(words: Uint32Array, row: number): number {
  const nano = BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!);
  return Number((nano + 999_999n) / 1_000_000n);
}

const IDS: ReadonlySet<string> = new Set(["trace:id", "span:id"]);

/** By trace: ids may be counted up, so their bits are mixed. */
function ranksOf(idWords: Uint32Array, length: number): Uint32Array {
  const ranks = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    let hash = idWords[i * 4]! ^ Math.imul(idWords[i * 4 + 3]!, 0x9e3779b1);
    hash = Math.imul(hash ^ hash >>> 15, 0x85ebca6b);
    ranks[i] = (hash ^ hash >>> 13) >>> 1; // below NONE
  }
  return ranks;
}

/** Positions of the two lowest traces of each slot, one span each. */
function lowest(
  { at, intervals, values, slots, slotOf, traceOf, ranks }:
    & Pick<ExemplarInput, "at" | "intervals" | "values">
    & { slots: number; slotOf: Int32Array; traceOf: Int32Array; ranks: Uint32Array },
): number[] {
  const first = new Uint32Array(slots).fill(NONE);
  const second = new Uint32Array(slots).fill(NONE);
  const firstAt = new Int32Array(slots).fill(-1);
  const secondAt = new Int32Array(slots).fill(-1);
  const { rows } = at;
  for (let i = 0; i < intervals.length; i++) {
    const interval = intervals[i]!;
    if (interval < 0) continue;
    const slot = slotOf[interval]!;
    const rank = ranks[traceOf[rows === undefined ? i : rows[i]!]!]!;
    if (rank >= second[slot]! || rank === first[slot]) continue;
    if (values !== undefined && Number.isNaN(values[i]!)) continue;
    if (rank < first[slot]!) {
      second[slot] = first[slot]!;
      secondAt[slot] = firstAt[slot]!;
      first[slot] = rank;
      firstAt[slot] = i;
    } else {
      second[slot] = rank;
      secondAt[slot] = i;
    }
  }
  return [...firstAt, ...secondAt].filter((position) => position >= 0);
}

/** Of several parts: two of each slot, one per trace. */
export function mergeExemplars(parts: readonly (readonly MetricsExemplar[])[]): MetricsExemplar[] {
  const bySlot = new Map<number, MetricsExemplar[]>();
  for (const exemplar of parts.flat()) {
    const kept = bySlot.get(exemplar.slot) ?? [];
    bySlot.set(exemplar.slot, kept);
    const same = kept.findIndex(({ traceId }) => traceId === exemplar.traceId);
    if (same < 0) kept.push(exemplar);
    else if (inOrder(exemplar, kept[same]!) < 0) kept[same] = exemplar;
  }
  return [...bySlot.values()].flatMap((kept) => kept.sort(inOrder).slice(0, PER_SLOT))
    .sort((a, b) => a.slot - b.slot || inOrder(a, b));
}

function inOrder(a: MetricsExemplar, b: MetricsExemplar): number {
  const text = (x: string, y: string) => x < y ? -1 : x > y ? 1 : 0;
  return a.rank - b.rank || text(a.traceId, b.traceId) || a.timestampMs - b.timestampMs ||
    text(a.spanId, b.spanId) || text(a.series, b.series) || a.interval - b.interval;
}
