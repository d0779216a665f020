// What a block consists of, for people and scripts: schema, row groups, and of every column chunk its
// sizes, encodings, pages and dictionary. Reads the footer, the page indexes and the first bytes of
// dictionaries, and no pages: describing a block of gigabytes costs some hundred kilobytes.

import { ByteCursor } from "../../lib/byte_cursor.ts";
import { CorruptionError } from "../../lib/errors.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { blamed, Block } from "../block/block.ts";
import { BlockCache } from "../block/block_cache.ts";
import type { ObjectStore } from "../store/object_store.ts";
import type { ChunkMetadata, RowGroup } from "../parquet/metadata.ts";
import { readPageHeader } from "../parquet/page_header.ts";
import { type FooterDetails, readFooterDetails, type SchemaNode } from "./footer_details.ts";
import { asText } from "./plain_values.ts";

export interface BlockDescription {
  readonly meta: BlockMeta;
  /** The program that wrote the file, as it calls itself. */
  readonly createdBy: string;
  readonly schema: SchemaNode;
  readonly rowGroups: readonly RowGroupDescription[];
  /** In file order. */
  readonly columns: readonly ColumnDescription[];
}

export interface RowGroupDescription {
  readonly index: number;
  readonly traces: number;
  readonly spans: number;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
  /** Hex; undefined where the footer does not say. */
  readonly firstTraceId: string | undefined;
  readonly lastTraceId: string | undefined;
}

export interface ColumnDescription {
  readonly path: string;
  readonly type: string;
  readonly logical: string | undefined;
  readonly repetitionMax: number;
  readonly definitionMax: number;
  /** The attribute that has this column for itself. */
  readonly attribute: string | undefined;
  /** By row group. */
  readonly chunks: readonly ChunkDescription[];
}

export interface ChunkDescription {
  readonly codec: string;
  readonly encodings: readonly string[];
  /** Values and nulls. */
  readonly entries: number;
  readonly nulls: number | undefined;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
  /** 0: there is none. */
  readonly dictionaryBytes: number;
  readonly dictionaryEntries: number;
  /** Undefined where the file has no offset index. */
  readonly pages: number | undefined;
  readonly min: string | undefined;
  readonly max: string | undefined;
}

/** Enough for the header of a dictionary page. */
const HEADER_BYTES = 64;
const CACHE_BYTES = 1 << 24;

export async function describeBlock(
  store: ObjectStore,
  meta: BlockMeta,
  signal: AbortSignal,
): Promise<BlockDescription> {
  const block = await Block.open(store, meta, new BlockCache(CACHE_BYTES));
  return await blamed(meta, async () => {
    const details = await readFooterDetails(block.file.source);
    const groups = block.file.metadata.rowGroups;
    const chunks: ReadonlyMap<string, ChunkDescription>[] = [];
    for (const group of groups) {
      signal.throwIfAborted();
      chunks.push(await describeChunks(block, group, details));
    }
    const attributes = new Map(block.dedicated.map(({ path, scope, key }) => {
      return [path, `${scope}.${key}`];
    }));
    const leaves = new Map(block.file.metadata.leaves.map((leaf) => [leaf.path, leaf]));
    return {
      meta,
      createdBy: details.createdBy,
      schema: details.schema,
      rowGroups: groups.map((group, i) => describeRowGroup(block, group, chunks[i]!)),
      columns: details.leaves.map(({ path, type, logical }) => ({
        path,
        type,
        logical,
        repetitionMax: leaves.get(path)!.repetitionMax,
        definitionMax: leaves.get(path)!.definitionMax,
        attribute: attributes.get(path),
        chunks: chunks.map((byPath) => byPath.get(path)!),
      })),
    };
  });
}

async function describeChunks(
  { file }: Block,
  group: RowGroup,
  details: FooterDetails,
): Promise<ReadonlyMap<string, ChunkDescription>> {
  const spots = await file.pageSpots(group);
  const described = details.leaves.map(async ({ path, logical }, i) => {
    const chunk = group.chunks.get(path);
    const more = details.rowGroups[group.index]?.[i];
    if (chunk === undefined || more === undefined) {
      throw new CorruptionError(`row group ${group.index} has no column ${path}`, 0);
    }
    const { nullCount, min, max } = chunk.statistics;
    const { type } = chunk.leaf;
    const pages = spots.get(path)!.length;
    const isEmpty = nullCount === chunk.valueCount;
    return [path, {
      codec: more.codec,
      encodings: more.encodings,
      entries: chunk.valueCount,
      nulls: nullCount,
      sizeBytes: chunk.sizeBytes,
      uncompressedBytes: more.uncompressedBytes,
      dictionaryBytes: chunk.dataOffset - chunk.offset,
      dictionaryEntries: await dictionaryEntries(file.source, chunk),
      pages: chunk.offsetIndex.sizeBytes > 0 ? pages : undefined,
      min: isEmpty ? undefined : min && asText(min, type, logical),
      max: isEmpty ? undefined : max && asText(max, type, logical),
    }] as const;
  });
  return new Map(await Promise.all(described));
}

/** As the dictionary's header says. */
async function dictionaryEntries(source: Source, chunk: ChunkMetadata): Promise<number> {
  const size = chunk.dataOffset - chunk.offset;
  if (size === 0) return 0;
  const bytes = await source.read(chunk.offset, Math.min(size, HEADER_BYTES));
  return readPageHeader(new ByteCursor(bytes)).entryCount;
}

type Source = Block["file"]["source"];

function describeRowGroup(
  { rowGroups }: Block,
  { index, chunks }: RowGroup,
  described: ReadonlyMap<string, ChunkDescription>,
): RowGroupDescription {
  const { rows, spans, sizeBytes } = rowGroups[index]!;
  const { min, max } = chunks.get("TraceID")?.statistics ?? {};
  let uncompressedBytes = 0;
  for (const chunk of described.values()) uncompressedBytes += chunk.uncompressedBytes;
  return {
    index,
    traces: rows,
    spans,
    sizeBytes,
    uncompressedBytes,
    firstTraceId: min?.toHex(),
    lastTraceId: max?.toHex(),
  };
}
