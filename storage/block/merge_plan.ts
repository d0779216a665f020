// Which rows of which blocks make up each row group of the merged block. Only ids and span counts
// are looked at: 16 bytes and a number per trace, so the whole plan is made before any span is read.
//
//   block a   A  C  D |  F  H  …          row groups are cut between two traces once they have
//   block b   B  C    |  E  F  …          enough spans; a trace in several blocks is never cut
//
// The rows a row group takes from one input row group are one range, because both ascend by id.

import type { ByteArrays } from "../parquet/byte_arrays.ts";
import { compareIds } from "./find_trace.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { CorruptionError } from "../../lib/errors.ts";

export interface InputRange {
  readonly input: Input;
  readonly from: number;
  to: number;
  /** By row from `from`: whether another input has the same trace. */
  readonly isShared: boolean[];
}

export type RowGroupPlan = readonly InputRange[];

/** One row group of one block. */
export interface Input {
  readonly block: number;
  readonly file: ParquetFile;
  readonly group: RowGroup;
  readonly ids: ByteArrays;
  readonly spanCounts: Int32Array;
}

export async function openInputs(files: readonly ParquetFile[]): Promise<Input[]> {
  const inputs: Input[] = [];
  for (const [block, file] of files.entries()) {
    for (const group of file.metadata.rowGroups) {
      const ids = (await file.column(group, "TraceID"))!.dictionary;
      for (let row = 1; row < ids.length; row++) {
        if (compareIds(ids.at(row - 1), ids.at(row)) < 0) continue;
        throw new CorruptionError("trace ids do not ascend", row).blame("TraceID", 0);
      }
      inputs.push({ block, file, group, ids, spanCounts: await spanCounts(file, group) });
    }
  }
  return inputs;
}

export function planMerge(inputs: readonly Input[], spansPerRowGroup: number): RowGroupPlan[] {
  const next = inputs.map(() => 0);
  const plans: RowGroupPlan[] = [];
  let ranges = new Map<Input, InputRange>();
  let spans = 0;
  for (;;) {
    const holders = holdersOfLeastId(inputs, next);
    if (holders.length === 0) break;
    for (const i of holders) {
      const input = inputs[i]!;
      const row = next[i]!++;
      let range = ranges.get(input);
      if (range === undefined) {
        ranges.set(input, range = { input, from: row, to: row, isShared: [] });
      }
      range.to = row + 1;
      range.isShared.push(holders.length > 1);
      spans += input.spanCounts[row]!;
    }
    if (spans < spansPerRowGroup) continue;
    plans.push([...ranges.values()]);
    ranges = new Map();
    spans = 0;
  }
  if (ranges.size > 0) plans.push([...ranges.values()]);
  return plans;
}

/** A handful of inputs: looking at each is cheaper than a heap. */
function holdersOfLeastId(inputs: readonly Input[], next: readonly number[]): number[] {
  let least: Uint8Array | undefined;
  let holders: number[] = [];
  for (let i = 0; i < inputs.length; i++) {
    if (next[i] === inputs[i]!.ids.length) continue;
    const id = inputs[i]!.ids.at(next[i]!);
    const order = least === undefined ? -1 : compareIds(id, least);
    if (order < 0) {
      least = id;
      holders = [i];
    } else if (order === 0) holders.push(i);
  }
  return holders;
}

/** Spans per trace, from the levels of a small column. */
async function spanCounts(file: ParquetFile, group: RowGroup): Promise<Int32Array> {
  const { repetition, entryCount } = (await file.column(group, "rs.ss.Spans.Kind"))!;
  const counts = new Int32Array(group.rows);
  let row = -1;
  for (let entry = 0; entry < entryCount; entry++) {
    if (repetition[entry] === 0) row++;
    counts[row]!++;
  }
  return counts;
}
