// Who looks after the blocks of this process: merging and retention as the configuration wants them.
import {
  type BackendRunOptions,
  type Compactor,
  runBackend,
  type TenantRules,
  ThreadCompactor,
  WorkerCompactor,
} from "../actors/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import { nextTurn } from "../lib/waiting.ts";
import type { BlockList, ObjectStore } from "../storage/mod.ts";
import type { Limits, LimitsOf } from "../model/limits.ts";
import { type Config, workerCount } from "./config/mod.ts";
import { storeConfig } from "./store_config.ts";

export function openBackend(
  runtime: Runtime,
  config: Config,
  cores: number,
  store: ObjectStore,
  list: BlockList,
  limits: LimitsOf,
): AsyncDisposable {
  const stop = new AbortController();
  const compactor: Compactor = workerCount(config, cores) === 0
    ? new ThreadCompactor(runtime, store, nextTurn)
    : new WorkerCompactor(runtime, storeConfig(config));
  const running = runBackend(
    runtime,
    { store, list, compactor, rulesOf: (tenant) => rulesFrom(config, limits(tenant)) },
    optionsFrom(config),
    stop.signal,
  );
  running.catch((error) => runtime.log.error("blocks are not looked after", { error }));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.catch(() => {});
      await compactor[Symbol.asyncDispose]();
    },
  };
}

/** Of a tenant with these limits; undefined: leave its blocks alone. */
export function rulesFrom(
  config: Config,
  { compaction: own, global }: Limits,
): TenantRules | undefined {
  if (own.isDisabled) return undefined;
  const { compaction } = config.backend_scheduler.provider;
  const kept = config.backend_worker.compaction;
  return {
    compaction: {
      windowMs: own.windowMs || compaction.compaction.compaction_window,
      blocksMin: compaction.min_input_blocks,
      blocksMax: compaction.max_input_blocks,
      objectsMax: compaction.compaction.max_compaction_objects,
      bytesMax: compaction.compaction.max_block_bytes,
      levelMax: compaction.max_compaction_level,
    },
    retention: {
      liveMs: own.blockRetentionMs || kept.block_retention,
      compactedMs: kept.compacted_block_retention,
    },
    bytesPerTraceMax: global.maxBytesPerTrace,
  };
}

function optionsFrom(config: Config): BackendRunOptions {
  const { maintenance_interval, provider } = config.backend_scheduler;
  return {
    codec: config.segno.block_codec,
    spansPerRowGroup: config.segno.spans_per_row_group,
    retentionEveryMs: provider.retention.interval,
    leftoverGraceMs: config.segno.leftover_grace,
    restMs: maintenance_interval,
  };
}
