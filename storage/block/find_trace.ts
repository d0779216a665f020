// A trace by its id, from one block: the bloom says no, or the ids of a row group name its row, which
// names one page of every column. Ids, offset indexes and dictionaries are kept by the file, so that
// what is read is those pages, all at once.
// Bench: block_view_bench.ts.

import { bloomMayContain, bloomShard } from "./bloom.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { isSpanData, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { ViewColumns } from "./view_columns.ts";

const ID_BYTES = 16;

export interface BlockReader {
  readonly bloomShards: number;
  bloom(shard: number): Promise<Uint8Array>;
  readonly file: ParquetFile;
  readonly dedicated: readonly DedicatedColumn[];
}

export async function findTrace(
  block: BlockReader,
  traceId: Uint8Array,
  ours: DedicatedAttributes,
  signal?: AbortSignal,
): Promise<SpanColumns | undefined> {
  signal?.throwIfAborted();
  const bloom = await block.bloom(bloomShard(traceId, block.bloomShards));
  if (!bloomMayContain(bloom, traceId)) return undefined;
  for (const group of block.file.metadata.rowGroups) {
    if (!mayHold(group, traceId)) continue;
    signal?.throwIfAborted();
    const row = await rowOfTrace(block.file, group, traceId);
    if (row < 0) continue;
    signal?.throwIfAborted();
    const rows = await RowColumns.read(block.file, group, row, row + 1, isSpanData);
    const columns = new SpanColumns(ours);
    new SpanReader(columns).read(rows, block.dedicated);
    return columns;
  }
  return undefined;
}

/** Rows ascend by id, so the footer's bounds say which row groups cannot have one. */
function mayHold(group: RowGroup, traceId: Uint8Array): boolean {
  const { min, max } = group.chunks.get("TraceID")?.statistics ?? {};
  if (min?.length !== ID_BYTES || max?.length !== ID_BYTES) return true;
  return compareIds(min, traceId) <= 0 && compareIds(traceId, max) <= 0;
}

async function rowOfTrace(file: ParquetFile, group: RowGroup, id: Uint8Array): Promise<number> {
  const ids = new Uint8Array(
    (await new ViewColumns(file, group, undefined).ids("TraceID", 4)).buffer,
  );
  let low = 0;
  let high = ids.length / ID_BYTES;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareIds(ids.subarray(middle * ID_BYTES, (middle + 1) * ID_BYTES), id);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

export function compareIds(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
