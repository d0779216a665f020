// Which rows of which blocks make up each row group of the merged block. Only ids and span counts
// are looked at, of one row group of each block at a time, so a plan of any size needs no memory.
//
//   block a   A  C  D |  F  H  …          row groups are cut between two traces once they have
//   block b   B  C    |  E  F  …          enough spans; a trace in several blocks is never cut
//
// The rows a row group takes from one input row group are one range, because both ascend by id.

import { CorruptionError } from "../../lib/errors.ts";
import type { Column } from "../parquet/column.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { blamed, type Block } from "./block.ts";
import { estimatedBytes } from "./group_estimate.ts";

/** Instead of the number of a trace: its row is copied as it is, or left out. */
export const COPIED = -1;
export const DROPPED = -2;

export interface InputRange {
  readonly input: Input;
  readonly from: number;
  to: number;
  /** By row from `from`: the number of the trace among those that are read as spans, COPIED or DROPPED. */
  readonly trace: number[];
}

export interface RowGroupPlan {
  readonly ranges: readonly InputRange[];
  /** By row of the output: the range from which the next copied row comes; -1 for a trace read as spans. */
  readonly order: readonly number[];
  /** By number of a trace that is read as spans: whether it lies in several blocks. */
  readonly isShared: readonly boolean[];
  readonly hasCopies: boolean;
}

/** One row group of one block. */
export interface Input {
  readonly block: number;
  readonly group: RowGroup;
  /** Four words per trace that compare as its bytes do. */
  readonly ids: Uint32Array;
  /** Rows whose ids are not of 16 bytes, as they should be. */
  readonly oddRows: ReadonlySet<number>;
  readonly spanCounts: Int32Array;
  /** By the peer's estimate, of what belongs to a span. */
  readonly bytesPerSpan: number;
}

export interface MergePlanRequest {
  readonly spansPerRowGroup: number;
  /** A row group ends that has passed it. */
  readonly rowGroupBytesMax?: number | undefined;
  /** As 32 hex digits. */
  readonly dropTraceIds: ReadonlySet<string>;
  /** Whether rows of a block can be copied; if not, all its traces are read as spans. */
  readonly isCopied: (block: number) => boolean;
}

export async function* planMerge(
  blocks: readonly Block[],
  { spansPerRowGroup, rowGroupBytesMax = Infinity, dropTraceIds, isCopied }: MergePlanRequest,
): AsyncGenerator<RowGroupPlan, void> {
  const wanted = spansPerOutputGroup(blocks.map(({ file }) => file), spansPerRowGroup);
  const cursors = await Promise.all(blocks.map((block, i) => TraceCursor.open(block, i)));
  let draft = new Draft();
  for (;;) {
    const holders = holdersOfLeastId(cursors);
    const least = holders[0];
    if (least === undefined) break;
    if (dropTraceIds.size > 0 && dropTraceIds.has(idText(least.input.ids, least.row))) {
      for (const { input, row } of holders) draft.push(input, row, DROPPED);
    } else if (
      holders.length === 1 && isCopied(least.input.block) && !least.input.oddRows.has(least.row)
    ) draft.copy(least.input, least.row);
    else draft.read(holders);
    for (const cursor of holders) if (!cursor.step()) await cursor.nextGroup();
    if (draft.spans < wanted && draft.bytes <= rowGroupBytesMax) continue;
    yield draft;
    draft = new Draft();
  }
  if (draft.ranges.length > 0) yield draft;
}

/** A plan in the making. */
class Draft implements RowGroupPlan {
  readonly ranges: InputRange[] = [];
  readonly order: number[] = [];
  readonly isShared: boolean[] = [];
  hasCopies = false;
  spans = 0;
  bytes = 0;
  readonly #rangeOf = new Map<Input, number>();

  copy(input: Input, row: number): void {
    this.order.push(this.push(input, row, COPIED));
    this.hasCopies = true;
    this.#weigh(input, row);
  }

  read(holders: readonly Holder[]): void {
    const number = this.isShared.push(holders.length > 1) - 1;
    this.order.push(-1);
    for (const { input, row } of holders) {
      this.push(input, row, number);
      this.#weigh(input, row);
    }
  }

  #weigh({ spanCounts, bytesPerSpan }: Input, row: number): void {
    this.spans += spanCounts[row]!;
    this.bytes += spanCounts[row]! * bytesPerSpan;
  }

  push(input: Input, row: number, trace: number): number {
    let index = this.#rangeOf.get(input);
    if (index === undefined) {
      index = this.ranges.push({ input, from: row, to: row, trace: [] }) - 1;
      this.#rangeOf.set(input, index);
    }
    const range = this.ranges[index]!;
    range.to = row + 1;
    range.trace.push(trace);
    return index;
  }
}

/** Groups of about equal size, so that no small rest remains. */
function spansPerOutputGroup(files: readonly ParquetFile[], spansPerRowGroup: number): number {
  let spans = 0;
  for (const { metadata } of files) {
    for (const group of metadata.rowGroups) {
      spans += group.chunks.get("rs.ss.Spans.Kind")?.valueCount ?? 0;
    }
  }
  return Math.max(1, spans / Math.max(1, Math.round(spans / spansPerRowGroup)));
}

/** Stands at a trace of a block; undefined input: past the last. */
class TraceCursor {
  input: Input | undefined;
  row = 0;
  #nextGroup = 0;

  private constructor(readonly block: Block, readonly number: number) {}

  static async open(block: Block, number: number): Promise<TraceCursor> {
    const cursor = new TraceCursor(block, number);
    await cursor.nextGroup();
    return cursor;
  }

  /** The next trace of the same row group; false if there is none. */
  step(): boolean {
    return ++this.row * 4 < this.input!.ids.length;
  }

  async nextGroup(): Promise<void> {
    await blamed(this.block.meta, () => this.#openNext());
  }

  async #openNext(): Promise<void> {
    const { file } = this.block;
    const groups = file.metadata.rowGroups;
    const before = this.input;
    this.input = undefined;
    this.row = 0;
    while (this.#nextGroup < groups.length) {
      const input = await openInput(file, this.number, groups[this.#nextGroup++]!);
      if (input.ids.length === 0) continue;
      if (before && compareWords(before.ids, before.ids.length - 4, input.ids, 0) >= 0) {
        throw new CorruptionError("row groups do not ascend by trace id", 0).blame("TraceID", 0);
      }
      this.input = input;
      return;
    }
  }
}

type Holder = TraceCursor & { input: Input };
const isAtTrace = (cursor: TraceCursor): cursor is Holder => cursor.input !== undefined;

/** A handful of blocks: looking at each is cheaper than a heap. */
function holdersOfLeastId(cursors: readonly TraceCursor[]): Holder[] {
  let holders: Holder[] = [];
  for (const cursor of cursors) {
    if (!isAtTrace(cursor)) continue;
    const { input, row } = cursor;
    const least = holders[0];
    const order = least ? compareWords(input.ids, row * 4, least.input.ids, least.row * 4) : -1;
    if (order < 0) holders = [cursor];
    else if (order === 0) holders.push(cursor);
  }
  return holders;
}

async function openInput(file: ParquetFile, block: number, group: RowGroup): Promise<Input> {
  const [traceIds, kinds] = await Promise.all([
    file.column(group, "TraceID"),
    file.column(group, "rs.ss.Spans.Kind"),
  ]);
  if (traceIds === undefined || kinds === undefined) {
    throw new CorruptionError("no column TraceID or rs.ss.Spans.Kind", 0);
  }
  const oddRows = new Set<number>();
  const ids = idWords(traceIds, oddRows);
  for (let at = 4; at < ids.length; at += 4) {
    if (compareWords(ids, at - 4, ids, at) < 0) continue;
    throw new CorruptionError("trace ids do not ascend", at >> 2).blame("TraceID", 0);
  }
  const counts = spanCounts(kinds, ids.length >> 2);
  const bytesPerSpan = estimatedBytes(group) / Math.max(1, kinds.valueCount);
  return { block, group, ids, oddRows, spanCounts: counts, bytesPerSpan };
}

/** Short ids are padded on the left, as where they are read into spans. */
function idWords(
  { dictionary, codes, valueCount }: Column,
  oddRows: Set<number>,
): Uint32Array {
  const bytes = new Uint8Array(valueCount * 16);
  for (let i = 0; i < valueCount; i++) {
    const id = dictionary.at(codes[i]!);
    if (id.length !== 16) oddRows.add(i);
    const size = Math.min(16, id.length);
    bytes.set(id.subarray(0, size), i * 16 + 16 - size);
  }
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: valueCount * 4 }, (_, i) => view.getUint32(i * 4));
}

/** The id of a trace as 32 hex digits. */
export function idText(ids: Uint32Array, row: number): string {
  let text = "";
  for (let at = row * 4; at < row * 4 + 4; at++) text += ids[at]!.toString(16).padStart(8, "0");
  return text;
}

/** Spans per trace, from the levels of a small column; an entry may also say that a scope has none. */
function spanCounts(
  { repetition, definition, entryCount, leaf }: Column,
  traces: number,
): Int32Array {
  const counts = new Int32Array(traces);
  let row = -1;
  for (let entry = 0; entry < entryCount; entry++) {
    if (repetition[entry] === 0) row++;
    if (definition[entry] === leaf.definitionMax) counts[row]!++;
  }
  if (row !== traces - 1) {
    throw new CorruptionError(`spans of ${row + 1} traces where there are ${traces}`, 0);
  }
  return counts;
}

function compareWords(a: Uint32Array, i: number, b: Uint32Array, k: number): number {
  for (let word = 0; word < 4; word++) {
    const difference = a[i + word]! - b[k + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
