// What a block says of itself: the meta.json of the vParquet format, and its place in a store.
// Rule: a block exists when its meta.json does, so that is written last.
// Format: docs/formats/block.md.

/** The formats that are written; more are known by name only. */
export type BlockFormat = "vParquet5" | "vParquet4";

/** An entry of `dedicatedColumns`; `s` defaults to span and `t` to string. */
export interface DedicatedColumnMeta {
  readonly s?: "resource" | "span" | "event";
  readonly n: string;
  readonly t?: "string" | "int";
  readonly o?: readonly ("array" | "blob")[];
}

/** CRC-32, as natural numbers. */
export interface BlockChecksums {
  /** Of each bloom object. */
  readonly bloom: readonly number[];
  /** Of the metadata of data.parquet, whose pages have checksums of their own. */
  readonly footer: number;
  /** By row group: of its offset indexes, end to end. */
  readonly offsetIndexes: readonly number[];
  /** Of the meta itself, see storage/meta_json.ts. */
  readonly meta: number;
}

export interface BlockMeta {
  readonly format: string;
  readonly blockID: string;
  readonly tenantID: string;
  /** RFC 3339, to the nanosecond. */
  readonly startTime: string;
  readonly endTime: string;
  /** Number of traces. */
  readonly totalObjects: number;
  /** Of data.parquet. */
  readonly size: number;
  readonly compactionLevel: number;
  readonly indexPageSize: number;
  /** Number of row groups. */
  readonly totalRecords: number;
  readonly bloomShards: number;
  readonly footerSize: number;
  readonly dedicatedColumns?: readonly DedicatedColumnMeta[];
  readonly replicationFactor: number;
  readonly totalSpans?: number;
  /**
   * Ids of the blocks this one was merged from: from the moment it is visible they are not. A field of
   * ours, which Tempo does not look at.
   */
  readonly replaces?: readonly string[];
  /** A field of ours too: what the format has no checksum for. Blocks of others lack it. */
  readonly checksums?: BlockChecksums;
  /** Only in meta.compacted.json. */
  readonly compactedTime?: string;
}

export const metaKey = (tenant: string, blockId: string) => `${tenant}/${blockId}/meta.json`;
export const compactedMetaKey = (tenant: string, blockId: string) =>
  `${tenant}/${blockId}/meta.compacted.json`;
export const dataKey = (tenant: string, blockId: string) => `${tenant}/${blockId}/data.parquet`;
export const bloomKey = (tenant: string, blockId: string, shard: number) =>
  `${tenant}/${blockId}/bloom-${shard}`;
export const noCompactKey = (tenant: string, blockId: string) =>
  `${tenant}/${blockId}/nocompact.flg`;
export const indexKey = (tenant: string, blockId: string) => `${tenant}/${blockId}/index`;
