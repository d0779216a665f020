// `compare()`: of every attribute, how often each value occurs among the selected spans and among the
// rest. Which values are told is decided when all parts are together.
// Rule: a span counts once per attribute, under the one value it has; without one it does not count.
// Where all spans of a view count in one interval, only the selected ones are looked at: how many there
// are of each value is known, and the rest is not selected.

import type { SpanView } from "../../../model/span_view.ts";
import { type MetricsAggregate, printReference, type Reference } from "../../traceql/mod.ts";
import { filterRows } from "../filter.ts";
import type { Predicate } from "../predicate.ts";
import type { ResultValue } from "../query_request.ts";
import { type QueryMemory, textBytes } from "../query_memory.ts";
import { allRows, type Rows } from "../row_lists.ts";
import { checkCells } from "./cells_limit.ts";
import { countBytes, countList, countShorts } from "./compare_loops.ts";
import { type ComparedColumn, comparedColumns, VALUES_MAX } from "./compared_column.ts";
import { freshColumn } from "./group_column.ts";
import { eachPosition } from "./label_column.ts";
import { type ComparedAttribute, labelKey } from "./metrics_answer.ts";
import { intervalsOf } from "./metrics_loops.ts";
import type { SpansInTime } from "./spans_in_time.ts";

export const META_TYPE = "__meta_type";

type Compare = Extract<MetricsAggregate, { fn: "compare" }>;

/** Where the spans of a view count: interval * 2 + side. */
interface Placed {
  readonly rows: Rows | undefined;
  readonly place: Int32Array;
  /** Undefined until a list is counted. */
  placeOfSpan: Int32Array | undefined;
}

/** What one attribute adds up to. */
interface AttributeSums {
  readonly index: Map<string, number>;
  readonly labels: ResultValue[];
  /** `places` for each value. */
  cells: Float64Array;
}

export class CompareSums {
  readonly #places: number;
  readonly #attributes = new Map<string, AttributeSums>();
  readonly #crowded = new Set<string>();
  #values = 0;

  constructor(readonly width: number, readonly memory: QueryMemory) {
    this.#places = width * 2;
  }

  async add(
    view: SpanView,
    selection: Predicate,
    compare: Compare,
    spans: SpansInTime,
    signal: AbortSignal,
  ): Promise<void> {
    const isSelected = await selected(view, selection, compare, spans, signal);
    const { columns, crowded } = await comparedColumns(view);
    signal.throwIfAborted();
    if (spans.rows === undefined) { for (const ref of crowded) this.#crowd(printReference(ref)); }
    const { first } = spans;
    if (spans.rows === undefined && spans.width === 1) {
      const placed = placedOnly(isSelected, first);
      const rest = first * 2;
      for (const column of columns) {
        const cells = this.#count(column, placed, view.spanCount);
        if (cells === undefined) continue;
        const { counts } = column;
        for (let code = 0; code < counts.length; code++) {
          const at = code * this.#places + rest;
          cells[at] = counts[code]! - cells[at + 1]!;
        }
        this.#fold(column, cells);
      }
      return;
    }
    const place = Int32Array.from(
      spans.intervals,
      (interval, i) => (first + interval) * 2 + isSelected[i]!,
    );
    const placed: Placed = { rows: spans.rows, place, placeOfSpan: undefined };
    for (const column of columns) {
      const cells = this.#count(column, placed, view.spanCount);
      if (cells !== undefined) this.#fold(column, cells);
    }
    if (spans.rows !== undefined) await this.#addCrowded(view, crowded, spans, place, signal);
  }

  /** Of few spans an attribute may have few values, though it has many of all. */
  async #addCrowded(
    view: SpanView,
    crowded: readonly Reference[],
    spans: SpansInTime,
    place: Int32Array,
    signal: AbortSignal,
  ): Promise<void> {
    const places = this.#places;
    for (const ref of crowded) {
      const attribute = printReference(ref);
      if (this.#crowded.has(attribute)) continue;
      const column = await freshColumn(view, ref, spans);
      signal.throwIfAborted();
      if (column.size > VALUES_MAX + 1) {
        this.#crowd(attribute);
        continue;
      }
      const cells = new Float64Array(checkCells(column.size * 2, this.width));
      for (let i = 0; i < place.length; i++) cells[column.codes[i]! * places + place[i]!]!++;
      const codes = Array.from({ length: column.size }, (_, code) => code);
      this.#addCells(attribute, codes.map(column.label), codes.map(column.key), cells);
    }
  }

  /** Adds parts that were counted elsewhere. */
  addAnswer(compared: readonly ComparedAttribute[], crowded: readonly string[]): void {
    for (const attribute of crowded) this.#crowd(attribute);
    for (const { attribute, labels, cells } of compared) {
      this.#addCells(attribute, labels, labels.map(labelKey), cells);
    }
  }

  get compared(): ComparedAttribute[] {
    return [...this.#attributes].map(([attribute, { labels, cells }]) => ({
      attribute,
      labels,
      cells: cells.slice(0, labels.length * this.#places),
    }));
  }

  get crowded(): string[] {
    return [...this.#crowded].sort();
  }

  #count({ attribute, codes, labels }: ComparedColumn, placed: Placed, spanCount: number) {
    if (this.#crowded.has(attribute)) return undefined;
    const places = this.#places;
    const size = checkCells(labels.length * 2, this.width);
    this.memory.check(size * 8);
    const cells = new Float64Array(size);
    const { rows, place } = placed;
    switch (codes.form) {
      case "bytes":
        countBytes(cells, places, codes.bySpan, rows, place);
        break;
      case "shorts":
        countShorts(cells, places, codes.bySpan, rows, place);
        break;
      case "list": {
        const bySpan = placed.placeOfSpan ??= placesOfSpans(placed, spanCount);
        countList(cells, places, codes.owners, codes.byOwner, bySpan);
      }
    }
    return cells;
  }

  #fold({ attribute, labels, keys }: ComparedColumn, cells: Float64Array): void {
    this.#addCells(attribute, labels, keys, cells);
  }

  #addCells(
    attribute: string,
    labels: readonly (ResultValue | undefined)[],
    keys: readonly string[],
    cells: Float64Array,
  ): void {
    if (this.#crowded.has(attribute)) return;
    const places = this.#places;
    let sums = this.#attributes.get(attribute);
    if (sums === undefined) {
      sums = { index: new Map(), labels: [], cells: new Float64Array(places * 8) };
      this.#attributes.set(attribute, sums);
    }
    for (let code = 0; code < labels.length; code++) {
      const label = labels[code];
      const from = code * places;
      if (label === undefined || !hasAny(cells, from, from + places)) continue;
      let at = sums.index.get(keys[code]!);
      if (at === undefined) {
        at = sums.labels.push(label) - 1;
        if (at === VALUES_MAX) return this.#crowd(attribute);
        sums.index.set(keys[code]!, at);
        checkCells(++this.#values * 2, this.width);
        this.memory.take(textBytes(keys[code]!) * 2);
        if ((at + 1) * places > sums.cells.length) {
          this.memory.take(sums.cells.byteLength);
          sums.cells = doubled(sums.cells);
        }
      }
      for (let i = 0; i < places; i++) sums.cells[at * places + i]! += cells[from + i]!;
    }
  }

  #crowd(attribute: string): void {
    this.#crowded.add(attribute);
    this.#attributes.delete(attribute);
  }
}

/** By position, 1 where the span is selected. */
async function selected(
  view: SpanView,
  selection: Predicate,
  { startNano, endNano }: Compare,
  spans: SpansInTime,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const marks = new Uint8Array(spans.count);
  const from = spans.rows ?? allRows(spans.count);
  const rows = await filterRows(view, selection, from, signal);
  eachPosition(rows, rows.length, spans, (i) => marks[i] = 1);
  if (startNano === 0n && endNano === 0n) return marks;
  const afterNano = startNano - 1n; // the start itself belongs to it
  const spanNano = Number(endNano - afterNano);
  const within = { startNano: afterNano, spanNano, stepNano: spanNano, count: 1 };
  const inTime = intervalsOf(await view.startUnixNano(), spans.rows, spans.count, within);
  return marks.map((mark, i) => inTime[i] === 0 ? mark : 0);
}

/** The selected spans, which all count in one interval. */
function placedOnly(isSelected: Uint8Array, interval: number): Placed {
  let count = 0;
  for (let row = 0; row < isSelected.length; row++) count += isSelected[row]!;
  const rows = new Int32Array(count);
  for (let row = 0, at = 0; at < count; row++) if (isSelected[row] === 1) rows[at++] = row;
  return {
    rows,
    place: new Int32Array(count).fill(interval * 2 + 1),
    placeOfSpan: undefined,
  };
}

function placesOfSpans({ rows, place }: Placed, spanCount: number): Int32Array {
  if (rows === undefined) return place;
  const bySpan = new Int32Array(spanCount).fill(-1);
  for (let i = 0; i < rows.length; i++) bySpan[rows[i]!] = place[i]!;
  return bySpan;
}

function hasAny(cells: Float64Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (cells[i]! > 0) return true;
  return false;
}

function doubled(cells: Float64Array): Float64Array {
  const grown = new Float64Array(cells.length * 2);
  grown.set(cells);
  return grown;
}
