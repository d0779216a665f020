// What the main thread and a scan worker say to each other; calls go through lib/port_rpc.ts.
import type { BlockMeta } from "../../model/block_meta.ts";
import type { StoreConfig } from "../../storage/mod.ts";
import type { QueryRequest } from "../engine/mod.ts";
import type { BlockScannerOptions } from "./block_scanner.ts";

/** Everything a worker needs to begin, as plain data. */
export interface ScanStart {
  readonly store: StoreConfig;
  readonly options: BlockScannerOptions;
}

export interface ScanCall {
  readonly request: QueryRequest;
  readonly blocks: readonly BlockMeta[];
}

export interface FindCall {
  readonly traceId: Uint8Array;
  readonly blocks: readonly BlockMeta[];
}

export interface CombineCall {
  readonly parts: readonly Uint8Array[];
}

export interface CacheUse {
  readonly hits: number;
  readonly misses: number;
  readonly sizeBytes: number;
}
