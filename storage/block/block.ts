// A block in a store, opened: its row groups as views for queries, and traces by id.
// Rule: whatever is wrong with its bytes is a CorruptionError that names tenant, block, column and
// page, and concerns this block alone.
// Everything read is kept in the block cache, the open block itself too.

import { crc32 } from "node:zlib";
import { BatchedSource } from "../parquet/batched_source.ts";
import type { RoleCaches } from "../cache/open_caches.ts";
import { HeldSource } from "../parquet/held_source.ts";
import { nothingAhead, RangeSource, type ReadAhead } from "./range_source.ts";
import type { BlockCache } from "./block_cache.ts";
import { type BlockMeta, bloomKey, dataKey } from "../../model/block_meta.ts";
import { BlockView } from "./block_view.ts";
import { type DedicatedColumn, dedicatedColumns, dedicatedOfBlock } from "./dedicated_columns.ts";
import { check, CorruptionError } from "../../lib/errors.ts";
import { encodeTraces } from "../../model/otlp_encode.ts";
import { type BloomProbe, bloomShard } from "./bloom.ts";
import { findTrace } from "./find_trace.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { type Keeper, ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { type TimeBounds, timeBoundsOf } from "./time_bounds.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import type { Watch } from "../../model/span_view.ts";

/** In memory a footer is this many times as large as in the file. */
const FOOTER_GROWTH = 12;
/** What a trace by its id may read of a block; more requests are made rather than more bytes read. */
const FIND_BYTES_MAX = 2_000_000;
/** Where a request is worth this many bytes it goes over a network. */
const FAR_GAP_BYTES = 1 << 18;
/** A quarter of what a request is worth is read ahead. */
const AHEAD_SHIFT = 2;

export interface BlockRowGroup {
  readonly index: number;
  /** Traces. */
  readonly rows: number;
  readonly spans: number;
  /** Of all its columns in the file. */
  readonly sizeBytes: number;
}

/** Somebody who wants to know what was found in the cache. */
export interface CacheWatch extends Watch {
  found(name: string): void;
  loaded(name: string): void;
}

function watched(keeper: Keeper, watch: CacheWatch): Keeper {
  return {
    get: (name, load, lives) => {
      let isLoaded = false;
      const value = keeper.get(name, () => {
        isLoaded = true;
        return load();
      }, lives);
      if (isLoaded) watch.loaded(name);
      else watch.found(name);
      return value;
    },
  };
}

/** Opens a block, or gives the one that is open: `cache` belongs to one store. */
export function openBlock(store: ObjectStore, meta: BlockMeta, cache: BlockCache): Promise<Block> {
  return cache.get(`${prefixOf(meta)}open`, async () => {
    const value = await Block.open(store, meta, cache);
    const { length } = value.ahead.bytes;
    return { value, sizeBytes: meta.footerSize * FOOTER_GROWTH + length + 4096 };
  });
}

/** Asks the bloom alone, without opening the block: nearly always the answer is no. */
export async function mayHoldTrace(
  store: ObjectStore,
  meta: BlockMeta,
  cache: BlockCache,
  probe: BloomProbe,
): Promise<boolean> {
  const shard = bloomShard(probe.traceId, meta.bloomShards);
  return await blamed(meta, async () => {
    return probe.mayBeIn(await readBloom(store, meta, shard, cache.ranges));
  });
}

function readBloom(
  store: ObjectStore,
  meta: BlockMeta,
  shard: number,
  caches: RoleCaches | undefined,
): Promise<Uint8Array> {
  const { tenantID, blockID, checksums } = meta;
  const key = bloomKey(tenantID, blockID, shard);
  const load = async () => {
    const bloom = await store.read(key);
    const wanted = checksums?.bloom[shard];
    if (wanted === undefined || wanted === crc32(bloom)) return bloom;
    throw new CorruptionError("bloom is not as it was written", 0, key);
  };
  if (caches === undefined) return load();
  const name = `${prefixOf(meta)}bloom-${shard}`;
  return caches.of("bloom").through(name, load, caches.isBloomShared(meta));
}

/** Under which names the cache keeps what belongs to a block. */
function prefixOf({ tenantID, blockID, size }: BlockMeta): string {
  return `${tenantID}/${blockID}/${size}/`;
}

export class Block {
  private constructor(
    readonly store: ObjectStore,
    readonly meta: BlockMeta,
    readonly cache: BlockCache,
    readonly file: ParquetFile,
    readonly rowGroups: readonly BlockRowGroup[],
    readonly dedicated: readonly DedicatedColumn[],
    readonly ahead: ReadAhead,
  ) {}

  static async open(store: ObjectStore, meta: BlockMeta, cache: BlockCache): Promise<Block> {
    return await blamed(meta, async () => {
      const ahead = nothingAhead();
      const source = sourceOf(store, meta, cache, ahead);
      const keeper = cache.under(prefixOf(meta));
      const file = await ParquetFile.open(source, keeper, meta.footerSize, meta.checksums);
      const dedicated = dedicatedColumns(meta);
      const rowGroups = await rowGroupsOf(file, meta);
      return new Block(store, meta, cache, file, rowGroups, dedicated, ahead);
    }, cache.ranges);
  }

  /** Undefined where its footer does not say. */
  get timeBounds(): TimeBounds | undefined {
    return timeBoundsOf(this.file.metadata.rowGroups);
  }

  /** A row group as a view of its own, which counts what it reads. */
  view(rowGroup: number, watch?: CacheWatch): BlockView {
    const group = this.file.metadata.rowGroups[rowGroup];
    if (group === undefined) throw new RangeError(`no row group ${rowGroup} in ${this.#name}`);
    let bytesRead = 0;
    const count = (bytes: number) => bytesRead += bytes;
    const source = sourceOf(this.store, this.meta, this.cache, this.ahead, count);
    const file = this.file.through(source);
    return new BlockView(
      watch === undefined ? file : file.keptBy(watched(file.keeper, watch)),
      group,
      this.rowGroups[rowGroup]!.spans,
      this.dedicated,
      () => bytesRead,
      (work) => blamed(this.meta, () => work, this.cache.ranges),
      watch,
    );
  }

  /** The trace as TracesData, undefined if it is not in this block. */
  async findTrace(traceId: Uint8Array, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const columns = await this.findTraceColumns(traceId, signal);
    return columns && encodeTraces(columns);
  }

  async findTraceColumns(
    traceId: Uint8Array,
    signal?: AbortSignal,
  ): Promise<SpanColumns | undefined> {
    const { store, meta, cache, ahead } = this;
    const isFarAway = isFar(store);
    const openedBytes = ahead.bytes.length + meta.footerSize;
    const bytesMax = isFarAway ? FIND_BYTES_MAX - openedBytes : Infinity;
    const source = new HeldSource(
      sourceOf(store, meta, cache, ahead, () => {}, bytesMax),
    );
    return await blamed(meta, () =>
      findTrace(
        {
          file: this.file.through(source),
          source,
          isFarAway,
          bloomShards: meta.bloomShards,
          bloom: (shard) => readBloom(store, meta, shard, cache.ranges),
          dedicated: this.dedicated,
        },
        traceId,
        dedicatedOfBlock(this.meta),
        signal,
      ), cache.ranges);
  }

  get #name(): string {
    return `${this.meta.tenantID}/${this.meta.blockID}`;
  }
}

const isFar = ({ gapBytesMax }: ObjectStore) => gapBytesMax >= FAR_GAP_BYTES;

/** Reads without a signal, for what one caller reads others may be waiting for too. */
function sourceOf(
  store: ObjectStore,
  meta: BlockMeta,
  cache: BlockCache,
  ahead: ReadAhead,
  count: (bytesRead: number) => void = () => {},
  bytesMax = Infinity,
): RangeSource {
  const { tenantID, blockID, size } = meta;
  const key = dataKey(tenantID, blockID);
  const batched = new BatchedSource(
    size,
    store.gapBytesMax,
    async (ranges) => {
      const parts = await store.readRanges(key, ranges, undefined, 0);
      count(parts.reduce((bytes, part) => bytes + part.length, 0));
      return parts;
    },
    bytesMax,
  );
  const aheadBytesMax = isFar(store) ? store.gapBytesMax >> AHEAD_SHIFT : 0;
  return new RangeSource(batched, aheadBytesMax, ahead, prefixOf(meta), cache.ranges);
}

/**
 * How many spans each row group has. Footers count entries, and a scope without spans has one too; where
 * nobody says how many are null, the levels do.
 */
async function rowGroupsOf(file: ParquetFile, meta: BlockMeta): Promise<BlockRowGroup[]> {
  const groups = file.metadata.rowGroups;
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  // A damaged footer may well be a footer still, of fewer row groups: those would never be missed.
  const isWhole = meta.totalObjects === 0 || rows === meta.totalObjects;
  check(isWhole, `${rows} traces where meta.json says ${meta.totalObjects}`, 0);
  const chunks = groups.map((group) => {
    const chunk = group.chunks.get("rs.ss.Spans.Kind");
    check(chunk !== undefined, "no column rs.ss.Spans.Kind", 0);
    return chunk;
  });
  const entries = chunks.reduce((sum, { valueCount }) => sum + valueCount, 0);
  const hasNoNulls = entries === meta.totalSpans;
  return await Promise.all(groups.map(async (group, i) => {
    const { valueCount, statistics: { nullCount } } = chunks[i]!;
    const nulls = hasNoNulls ? 0 : nullCount;
    const spans = nulls === undefined ? await countSpans(file, group) : valueCount - nulls;
    let sizeBytes = 0;
    for (const chunk of group.chunks.values()) sizeBytes += chunk.sizeBytes;
    return { index: group.index, rows: group.rows, spans, sizeBytes };
  }));
}

async function countSpans(file: ParquetFile, group: RowGroup): Promise<number> {
  const counts = await file.column(group, "rs.ss.SpanCount");
  if (counts === undefined) return (await file.column(group, "rs.ss.Spans.Kind"))!.valueCount;
  let spans = 0;
  for (let i = 0; i < counts.valueCount; i++) spans += counts.ints[i]!;
  return spans;
}

/** Corruption found by `work`, with the name of the block, whose kept bytes are not believed any more. */
export async function blamed<T>(
  meta: BlockMeta,
  work: () => Promise<T>,
  caches?: RoleCaches,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CorruptionError) caches?.distrust(prefixOf(meta));
    if (!(error instanceof CorruptionError) || error.path !== "") throw error;
    const { reason, column, page, offset } = error;
    const place = column === "" ? reason : `${reason}: column ${column}, page ${page}`;
    const named = new CorruptionError(place, offset, dataKey(meta.tenantID, meta.blockID));
    named.column = column;
    named.page = page;
    throw named;
  }
}
