// Examples for the points of a graph: which spans stand for the stretches of time of a query.
// Rule: the choice depends on the spans alone. Each trace has a rank that is a hash of its id, and the
// two lowest of each stretch are kept, so that the choice of a merge is the choice of the whole.

import type { SpanView, TraceColumns } from "../../../model/span_view.ts";
import { type FieldReader, fieldReader } from "../field_values.ts";
import { hexOfWords, withoutLeadingZeros } from "../id_words.ts";
import type { ResultAttribute } from "../query_request.ts";
import { resultValue } from "../result_values.ts";
import { printReference, type Reference } from "../../traceql/mod.ts";
import type { Positions } from "./label_column.ts";
import type { MetricsExemplar } from "./metrics_answer.ts";
import type { Intervals } from "./metrics_loops.ts";

export const PER_SLOT = 2;
const NONE = 0xffffffff;

/** How many stretches of time have exemplars of their own; the intervals are dealt out among them. */
export function slotCount(exemplars: number, intervals: number): number {
  return Math.min(Math.ceil(exemplars / PER_SLOT), intervals);
}

export interface ExemplarInput {
  readonly view: SpanView;
  readonly at: Positions;
  /** By position, counted from `firstInterval`; -1 has no part in it. */
  readonly intervals: Intervals;
  readonly firstInterval: number;
  /** How many intervals there are from there on. */
  readonly width: number;
  /** Undefined for rates and counts. */
  readonly values: Float64Array | undefined;
  readonly seriesOf: (position: number) => string;
}

/** The choice among many views: of a later one only what may take an earlier one's place is looked at. */
export class ExemplarChoice {
  #chosen: MetricsExemplar[] = [];
  readonly #slotOf: Int32Array;
  /** By slot, what a rank must not be above. */
  readonly #most: Uint32Array;

  constructor(exemplars: number, intervals: number, readonly references: readonly Reference[]) {
    const slots = exemplars === 0 ? 0 : slotCount(exemplars, intervals);
    this.#most = new Uint32Array(slots).fill(NONE);
    this.#slotOf = Int32Array.from(
      { length: intervals },
      (_, interval) => Math.floor(interval * slots / intervals),
    );
  }

  get chosen(): readonly MetricsExemplar[] {
    return this.#chosen;
  }

  /** Those that were chosen elsewhere. */
  addChosen(exemplars: readonly MetricsExemplar[]): void {
    if (exemplars.length === 0) return;
    this.#chosen = mergeExemplars([this.#chosen, exemplars]);
    this.#tighten();
  }

  async add(input: ExemplarInput): Promise<void> {
    if (this.#most.length === 0) return;
    const { view, at, intervals, firstInterval, width, values } = input;
    const traces = await view.traces();
    const traceOf = await view.traceOfSpan();
    const slotOf = this.#slotOf.subarray(firstInterval, firstInterval + width);
    const most = this.#most;
    const isWhole = view.isLasting && at.rows === undefined;
    const { ranks, order } = await ranking(view, traces, traceOf, isWhole);
    const choice = { at, intervals, values, most, slotOf, traceOf, ranks };
    const chosen = order === undefined ? lowest(choice) : lowestInOrder(choice, order);
    if (chosen.length === 0) return;
    const rowOf = (position: number) => at.rows === undefined ? position : at.rows[position]!;
    const rows = Int32Array.from(chosen, rowOf).sort();
    const readers: [string, FieldReader][] = [];
    for (const ref of this.references) {
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
        interval: firstInterval + intervals[position]!,
        timestampMs: millisecondsUp(starts, row),
        value: values === undefined ? NaN : values[position]!,
        traceId,
        spanId,
        labels,
        slot: slotOf[intervals[position]!]!,
        rank: ranks[traceOf[row]!]!,
      };
    });
    this.#chosen = mergeExemplars([this.#chosen, found]);
    this.#tighten();
  }

  /** A slot that is full takes no rank above its highest. */
  #tighten(): void {
    let previous: MetricsExemplar | undefined;
    for (const exemplar of this.#chosen) {
      // They come by slot and rank, so the second is the higher one.
      if (previous?.slot === exemplar.slot) this.#most[exemplar.slot] = exemplar.rank;
      previous = exemplar;
    }
  }
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

/** Traces by rank, and where the spans of each lie. */
interface Order {
  readonly traces: Int32Array;
  /** Spans of trace t are rows [start[t], start[t + 1]). */
  readonly start: Int32Array;
}

interface Ranking {
  readonly ranks: Uint32Array;
  /** Undefined where spans of a trace do not lie together. */
  readonly order: Order | undefined;
}

async function ranking(
  view: SpanView,
  { idWords, length }: TraceColumns,
  traceOf: Int32Array,
  isWhole: boolean,
): Promise<Ranking> {
  if (!isWhole) return { ranks: ranksOf(idWords, length), order: undefined };
  return await view.derived("ranking", () => {
    const ranks = ranksOf(idWords, length);
    const order = orderOf(ranks, traceOf.subarray(0, view.spanCount));
    return Promise.resolve({ value: { ranks, order }, sizeBytes: length * 12 });
  });
}

function orderOf(ranks: Uint32Array, traceOf: Int32Array): Order | undefined {
  const start = new Int32Array(ranks.length + 1);
  for (let row = 0; row < traceOf.length; row++) {
    if (row > 0 && traceOf[row]! < traceOf[row - 1]!) return undefined;
    start[traceOf[row]! + 1]!++;
  }
  for (let trace = 0; trace < ranks.length; trace++) start[trace + 1]! += start[trace]!;
  const traces = Int32Array.from({ length: ranks.length }, (_, trace) => trace);
  return { traces: traces.sort((a, b) => ranks[a]! - ranks[b]!), start };
}

type Choice =
  & Pick<ExemplarInput, "at" | "intervals" | "values">
  & { most: Uint32Array; slotOf: Int32Array; traceOf: Int32Array; ranks: Uint32Array };

/** The same for all spans of a view: goes through traces by rank, and no further than it must. */
function lowestInOrder(choice: Choice, { traces, start }: Order): number[] {
  const { intervals, values, most, slotOf, ranks } = choice;
  const found: number[] = [];
  const taken = new Uint8Array(most.length);
  let open = new Set(slotOf).size;
  for (let i = 0; i < traces.length && open > 0; i++) {
    const trace = traces[i]!;
    const rank = ranks[trace]!;
    const before = found.length;
    for (let row = start[trace]!; row < start[trace + 1]!; row++) {
      const interval = intervals[row]!;
      if (interval < 0) continue;
      const slot = slotOf[interval]!;
      if (taken[slot]! >= PER_SLOT) continue;
      if (rank > most[slot]!) {
        taken[slot] = PER_SLOT;
        open--;
        continue;
      }
      if (values !== undefined && Number.isNaN(values[row]!)) continue;
      // One span of a trace for each slot.
      let isKnown = false;
      for (let k = before; k < found.length; k++) {
        isKnown ||= slotOf[intervals[found[k]!]!] === slot;
      }
      if (isKnown) continue;
      found.push(row);
      if (++taken[slot]! === PER_SLOT) open--;
    }
  }
  return found;
}

/** Positions of the two lowest traces of each slot, one span each. */
function lowest({ at, intervals, values, most, slotOf, traceOf, ranks }: Choice): number[] {
  const slots = most.length;
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
    if (rank > most[slot]! || rank >= second[slot]! || rank === first[slot]) continue;
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
