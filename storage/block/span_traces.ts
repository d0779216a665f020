// The traces of a row group that cannot be copied, read as spans: those that lie in several blocks, and
// all of a block with another schema. There is no merge loop over spans: a trace that lies in two
// blocks has one row in the trace table, and that is the merge.
// Rules: of spans with equal id and kind in one trace those of the first block are kept, as Tempo does;
// one block may hold two such spans (Zipkin) and keeps both. A trace that would grow over its limit
// by being merged keeps the spans that come first.

import { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces, type OrderSpans, type TraceLayout } from "../../model/trace_layout.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { blamed, type Block } from "./block.ts";
import type { InputRows } from "./input_rows.ts";
import type { InputRange, RowGroupPlan } from "./merge_plan.ts";
import { type Column, emptyColumn } from "../parquet/column.ts";
import { pickRows } from "./pick_rows.ts";
import type { SourceColumn } from "./source_column.ts";
import { isSpanData, type KeepSpan, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";
import { spanBytes } from "./span_bytes.ts";

/** Twenty nanoseconds each. */
const ENTRIES_PER_STEP = 400_000;

export class SpanTraces {
  readonly columns: SpanColumns;
  /** Of the column being read and of the one before, which take turns. */
  readonly #memory = [emptyColumn(), emptyColumn()];
  tracesCombined = 0;
  spansDeduplicated = 0;
  spansOverLimit = 0;

  constructor(
    readonly blocks: readonly Block[],
    dedicated: DedicatedAttributes,
    /** 0: no limit. */
    readonly bytesPerTraceMax: number,
    readonly step: () => Promise<void>,
  ) {
    this.columns = new SpanColumns(dedicated);
  }

  /** Fills the columns with the spans of a row group that are read as such, and lays them out. */
  async read(plan: RowGroupPlan, rows: readonly InputRows[]): Promise<TraceLayout> {
    const { columns } = this;
    let kept = new KeptSpans(plan, new Map());
    await this.#readRanges(plan, rows, kept);
    if (!plan.isShared.includes(true)) return layoutTraces(columns);
    const traceRows = rowsOfTraces(columns, plan);
    if (this.bytesPerTraceMax > 0) {
      const tooLarge = spansThatFit(columns, plan, traceRows, this.bytesPerTraceMax);
      if (tooLarge.size > 0) {
        // So rare that reading twice is no matter.
        kept = new KeptSpans(plan, tooLarge);
        await this.#readRanges(plan, rows, kept);
      }
    }
    this.tracesCombined += kept.combined.size;
    this.spansDeduplicated += kept.deduplicated;
    this.spansOverLimit += kept.overLimit;
    // The rows are the same after a second reading: a trace keeps at least its first span.
    const combined = new Set([...kept.combined].map((number) => traceRows[number]!));
    return layoutTraces(columns, byStart(columns, combined));
  }

  async #readRanges(
    { ranges }: RowGroupPlan,
    rows: readonly InputRows[],
    kept: KeptSpans,
  ): Promise<void> {
    this.columns.clear();
    const reader = new SpanReader(this.columns);
    // The first block wins, so they come in their order.
    const order = [...ranges.keys()].sort((a, b) =>
      ranges[a]!.input.block - ranges[b]!.input.block
    );
    for (const i of order) {
      const range = ranges[i]!;
      if (!range.trace.some((trace) => trace >= 0)) continue;
      await this.#readRange(reader, range, rows[i]!, kept);
      await this.step();
    }
  }

  async #readRange(
    reader: SpanReader,
    { input, trace }: InputRange,
    rows: InputRows,
    kept: KeptSpans,
  ): Promise<void> {
    const { meta, dedicated } = this.blocks[input.block]!;
    const picked = Int32Array.from(trace.keys()).filter((row) => trace[row]! >= 0);
    const traces = trace.filter((number) => number >= 0);
    await blamed(meta, async () => {
      const columns = new Map<string, Column>();
      let before: SourceColumn | undefined;
      let entries = 0;
      for (const path of rows.fetched.keys()) {
        if (!isSpanData(path)) continue;
        const source = rows.column(path, this.#memory[columns.size % 2], before);
        columns.set(path, pickRows(source, picked));
        before = source;
        entries += source.column.entryCount;
        if (entries < ENTRIES_PER_STEP) continue;
        entries = 0;
        await this.step();
      }
      reader.read(new RowColumns(columns), dedicated, kept.keeperOf(input.block, traces));
    });
  }
}

/** Chooses the spans of a row group; only traces that lie in several blocks need memory. */
class KeptSpans {
  deduplicated = 0;
  overLimit = 0;
  /** Numbers of the shared traces that have spans of more than one block. */
  readonly combined = new Set<number>();
  readonly #onlyBlock = new Map<number, number>();
  /** By trace, id and kind: the first block that had the span. */
  readonly #firstBlock = new Map<string, number>();
  readonly #counts = new Map<number, number>();

  /** How many spans a shared trace may keep, by its number; any number if not named. */
  constructor(readonly plan: RowGroupPlan, readonly spansMax: ReadonlyMap<number, number>) {}

  /** `traces` are the numbers of the traces that are read, by row. */
  keeperOf(block: number, traces: readonly number[]): KeepSpan {
    const { isShared } = this.plan;
    return (row, id0, id1, kind) => {
      const trace = traces[row]!;
      if (!isShared[trace]) return true;
      const key = `${trace} ${id0} ${id1} ${kind}`;
      const first = this.#firstBlock.get(key);
      if (first === undefined) this.#firstBlock.set(key, block);
      else if (first !== block) {
        this.deduplicated++;
        return false;
      }
      if (!this.#fits(trace)) return false;
      const only = this.#onlyBlock.get(trace);
      if (only === undefined) this.#onlyBlock.set(trace, block);
      else if (only !== block) this.combined.add(trace);
      return true;
    };
  }

  #fits(trace: number): boolean {
    const spansMax = this.spansMax.get(trace);
    if (spansMax === undefined) return true;
    const count = this.#counts.get(trace) ?? 0;
    if (count === spansMax) {
      this.overLimit++;
      return false;
    }
    this.#counts.set(trace, count + 1);
    return true;
  }
}

/** The row in the trace table of each trace that was read, -1 if it has no spans. */
function rowsOfTraces(columns: SpanColumns, { ranges, isShared }: RowGroupPlan): Int32Array {
  const rows = new Int32Array(isShared.length).fill(-1);
  for (const { input: { ids }, from, trace } of ranges) {
    trace.forEach((number, i) => {
      if (number < 0) return;
      const [w0, w1, w2, w3] = ids.subarray((from + i) * 4, (from + i) * 4 + 4).map(swapBytes);
      rows[number] = columns.traces.find(w0!, w1!, w2!, w3!);
    });
  }
  return rows;
}

/** How many of its spans each shared trace may keep, where that is not all of them. */
function spansThatFit(
  columns: SpanColumns,
  { isShared }: RowGroupPlan,
  traceRows: Int32Array,
  bytesMax: number,
): Map<number, number> {
  const numberOf = new Int32Array(columns.traces.length).fill(-1);
  traceRows.forEach((row, number) => {
    if (row >= 0 && isShared[number]) numberOf[row] = number;
  });
  const bytes = new Float64Array(traceRows.length);
  const fitting = new Int32Array(traceRows.length);
  const tooLarge = new Map<number, number>();
  for (let row = 0; row < columns.length; row++) {
    const number = numberOf[columns.trace[row]!]!;
    if (number < 0) continue;
    bytes[number]! += spanBytes(columns, row);
    if (bytes[number]! <= bytesMax || fitting[number] === 0) fitting[number]!++;
    else tooLarge.set(number, fitting[number]!);
  }
  return tooLarge;
}

/** A trace that is put together again is ordered by start and id, as Tempo does; others stay. */
function byStart(columns: SpanColumns, combined: ReadonlySet<number>): OrderSpans {
  const { startUnixNano, spanId } = columns;
  const difference = (words: Uint32Array, a: number, b: number) => words[a]! - words[b]!;
  return (trace, rows) => {
    if (!combined.has(trace)) return;
    rows.sort((a, b) =>
      difference(startUnixNano, a * 2 + 1, b * 2 + 1) || difference(startUnixNano, a * 2, b * 2) ||
      swapBytes(spanId[a * 2]!) - swapBytes(spanId[b * 2]!) ||
      swapBytes(spanId[a * 2 + 1]!) - swapBytes(spanId[b * 2 + 1]!) || a - b
    );
  };
}

export function swapBytes(word: number): number {
  return (word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24) >>> 0;
}
