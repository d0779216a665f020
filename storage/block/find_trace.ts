// A trace by its id, from one block: the bloom says no, or the bounds of the pages of ids name the page
// it must be in, the ids there its row, and the row one page of every column. Ids, offset indexes and
// dictionaries are kept by the file, so that what is read is those pages, all at once.
// Where a round trip is dear the pages of all columns are fetched with the page of ids: two rounds of a
// block that was never opened, the end of the file and those pages. That a bloom was wrong, and they
// are fetched in vain, is one in a hundred for the largest blocks and never seen for small ones.
// Bench: block_view_bench.ts, tests/integration/find_on_s3_test.ts.

import { bloomMayContain, bloomShard } from "./bloom.ts";
import { CorruptionError } from "../../lib/errors.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { type ParquetFile, ROW_IDS } from "../parquet/file.ts";
import type { HeldSource } from "../parquet/held_source.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { isSpanData, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { idWords, ViewColumns } from "./view_columns.ts";

const ID_BYTES = 16;

export interface BlockReader {
  readonly bloomShards: number;
  bloom(shard: number): Promise<Uint8Array>;
  readonly file: ParquetFile;
  /** Of `file`, for a find of its own. */
  readonly source: HeldSource;
  readonly isFarAway: boolean;
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
    const row = await rowOfTrace(block, group, traceId);
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

/** -1: it is not there. */
async function rowOfTrace(block: BlockReader, group: RowGroup, id: Uint8Array): Promise<number> {
  const { file, source, isFarAway } = block;
  const [spots, maxima] = await Promise.all([
    file.pageSpots(group),
    file.pageMaxima(group, ROW_IDS),
  ]);
  const pages = spots.get(ROW_IDS) ?? [];
  const isTold = maxima.length > 0 && maxima.length === pages.length &&
    maxima.every(({ length }) => length === ID_BYTES);
  if (!isTold) {
    const ids = await new ViewColumns(file, group, undefined).ids(ROW_IDS, 4);
    return rowOf(new Uint8Array(ids.buffer), id);
  }
  const found = maxima.findIndex((max) => compareIds(id, max) <= 0);
  const page = found < 0 ? maxima.length - 1 : found; // beyond all of them, if they are to be believed
  const from = pages[page]!.firstRow;
  const to = pages[page + 1]?.firstRow ?? group.rows;
  if (isFarAway) {
    await file.fetchRows(group, [...group.chunks.keys()].filter(isSpanData), from, to, source);
  }
  const ids = await idsOfPage(file, group, page, from, to);
  const isBelow = compareIds(id, ids) < 0 && page > 0;
  checkLast(ids, maxima[page]!);
  if (!isBelow) return placed(from, rowOf(ids, id));
  // Between two pages: it is in neither, or the bounds of the one before are damaged.
  const before = pages[page - 1]!.firstRow;
  const others = await idsOfPage(file, group, page - 1, before, from);
  checkLast(others, maxima[page - 1]!);
  return placed(before, rowOf(others, id));
}

const placed = (firstRow: number, row: number) => row < 0 ? -1 : firstRow + row;

function idsOfPage(
  file: ParquetFile,
  group: RowGroup,
  page: number,
  from: number,
  to: number,
): Promise<Uint8Array> {
  return file.keeper.get(`ids ${group.index} page ${page}`, async () => {
    const column = await file.rows(group, ROW_IDS, from, to, "row-ids");
    const value = new Uint8Array(idWords(column!, 4).buffer);
    return { value, sizeBytes: value.length };
  });
}

/** Pages have checksums, their bounds have none: a flipped bit there would hide a trace. */
function checkLast(ids: Uint8Array, max: Uint8Array): void {
  const isSo = ids.length > 0 && compareIds(ids.subarray(ids.length - ID_BYTES), max) === 0;
  if (!isSo) throw new CorruptionError("bounds of a page are not those of its ids", 0);
}

/** Ids ascend. */
function rowOf(ids: Uint8Array, id: Uint8Array): number {
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
