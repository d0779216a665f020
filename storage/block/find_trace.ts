// A trace by its id, from one block: the bloom says no, or the bounds of TraceID's pages name one
// page; its row number then names one page of every other column.

import { bloomMayContain, bloomShard } from "./bloom.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { isSpanData, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";
import { SpanColumns } from "../../model/span_columns.ts";

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
): Promise<SpanColumns | undefined> {
  const bloom = await block.bloom(bloomShard(traceId, block.bloomShards));
  if (!bloomMayContain(bloom, traceId)) return undefined;
  for (const group of block.file.metadata.rowGroups) {
    const row = await rowOfTrace(block.file, group, traceId);
    if (row < 0) continue;
    const rows = await RowColumns.read(block.file, group, row, row + 1, isSpanData);
    const columns = new SpanColumns(ours);
    new SpanReader(columns).read(rows, block.dedicated);
    return columns;
  }
  return undefined;
}

async function rowOfTrace(file: ParquetFile, group: RowGroup, id: Uint8Array): Promise<number> {
  const maxima = await file.pageMaxima(group, "TraceID");
  const page = maxima.findIndex((max) => compareIds(id, max) <= 0);
  if (page < 0 && maxima.length > 0) return -1;
  const spots = (await file.pageSpots(group)).get("TraceID")!;
  const from = page < 0 ? 0 : spots[page]?.firstRow ?? 0;
  const to = page < 0 ? group.rows : spots[page + 1]?.firstRow ?? group.rows;
  const ids = (await file.rows(group, "TraceID", from, to))!;
  let low = 0;
  let high = ids.valueCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareIds(ids.dictionary.at(ids.codes[middle]!), id);
    if (order === 0) return from + middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

export function compareIds(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
