// What the main thread and the compaction worker say to each other; calls go through lib/port_rpc.ts.
import type { StoreConfig } from "../../storage/mod.ts";

/** Everything the worker needs to begin, as plain data. */
export interface CompactionStart {
  readonly store: StoreConfig;
}
