// The embedded log and the partition hosts that read it, as the configuration wants them.
import {
  BLOCK_BUILDER_GROUP,
  foldLimits,
  type HostHandle,
  type HostLimits,
  type HostLimitsSource,
  type HostOptions,
  type TenantHostLimits,
  ThreadHost,
  WorkerHost,
} from "../actors/mod.ts";
import type { BuiltSection, FoldLag } from "../actors/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import { nextTurn } from "../lib/waiting.ts";
import type { ObjectStore } from "../storage/mod.ts";
import {
  defaultEmbeddedLogOptions,
  type EmbeddedLog,
  type EmbeddedLogOptions,
} from "../wal/mod.ts";
import { blockOptions, blockSettings, dedicatedOf } from "./block_settings.ts";
import { type Config, logPath, partitionCount, workerCount } from "./config/mod.ts";
import type { Overrides, TenantSettings } from "./overrides/overrides.ts";
import { storeConfig } from "./store_config.ts";

/** Of the memory budget: columns of head and sealed sections; the rest is for caches and buffers. */
const COLUMNS_SHARE = 0.45;
/** A partition holds a head and a sealed section. */
const SECTIONS_PER_PARTITION = 2;
/** Decoding one read is one uninterrupted turn of the thread: about 15 ms. */
const READ_BYTES_MAX = 2 << 20;
const READ_WAIT_MS = 500;

export function logOptions(config: Config, cores: number): EmbeddedLogOptions {
  const { log } = config.segno;
  return {
    ...defaultEmbeddedLogOptions,
    partitions: partitionCount(config, cores),
    groups: [BLOCK_BUILDER_GROUP],
    segmentBytesMax: log.segment_bytes,
    pendingBytesMax: log.pending_bytes_max,
    retentionMs: log.retention,
    retentionBytesMax: log.retention_bytes,
  };
}

/** Every partition that the log holds is read by exactly one host. */
export function openPartitionHosts(
  runtime: Runtime,
  config: Config,
  cores: number,
  limits: HostLimitsSource,
  log: EmbeddedLog,
  store: ObjectStore,
  announce: (built: BuiltSection) => Promise<void>,
  lag: Pick<FoldLag, "folded">,
): HostHandle[] {
  const workers = workerCount(config, cores);
  const folded = (partition: number, nextOffset: number) => lag.folded(partition, nextOffset);
  const source = { kind: "embedded", path: logPath(config), log } as const;
  const shares = shareOut(log.partitions, Math.max(1, workers));
  return shares.map((partitions) => {
    const options = hostOptions(config, partitions, log.partitions.length, log.identity);
    if (workers === 0) {
      return new ThreadHost(
        runtime,
        {
          log,
          store,
          limits: foldLimits(() => limits.current()),
          announce,
          pause: nextTurn,
          folded,
        },
        options,
      );
    }
    return new WorkerHost(runtime.clock, { log: source, limits, announce, folded }, {
      store: storeConfig(config),
      options,
      logLevel: config.server.log_level,
      logFormat: config.server.log_format,
    });
  });
}

/** Made anew when limits change, not each time that they are asked for. */
export function hostLimits(overrides: Overrides): HostLimitsSource {
  const blocks = blockSettings(overrides.config);
  const ofTenant = ({ limits }: TenantSettings): TenantHostLimits => ({
    bytesPerTraceMax: limits.global.maxBytesPerTrace,
    dedicated: dedicatedOf(blocks, limits),
  });
  const made = (): HostLimits => ({
    rest: ofTenant(overrides.rest),
    named: new Map([...overrides.named].map(([tenant, own]) => [tenant, ofTenant(own)])),
  });
  let current = made();
  overrides.onChange(() => current = made());
  return { current: () => current, onChange: (listener) => overrides.onChange(listener) };
}

export function hostOptions(
  config: Config,
  partitions: readonly number[],
  partitionsInAll: number,
  /** Of a log that is not the only one on the bucket. */
  logIdentity = "",
): HostOptions {
  const { section, memory_budget_bytes } = config.segno;
  const sections = partitionsInAll * SECTIONS_PER_PARTITION;
  const bytesMax = Math.floor(memory_budget_bytes * COLUMNS_SHARE / sections);
  return {
    partitions,
    logIdentity,
    cut: {
      spansMax: section.spans_max,
      bytesMax: section.bytes_max === 0 ? bytesMax : section.bytes_max,
      ageMaxMs: section.age_max,
    },
    ...blockOptions(config),
    timeSlackMs: config.block_builder.wal.ingestion_time_range_slack,
    readBytesMax: READ_BYTES_MAX,
    readWaitMs: READ_WAIT_MS,
  };
}

/** Round robin; no host without a partition. */
export function shareOut(partitions: readonly number[], hosts: number): number[][] {
  const shares = Array.from({ length: hosts }, () => [] as number[]);
  partitions.forEach((partition, i) => shares[i % hosts]!.push(partition));
  return shares.filter((share) => share.length > 0);
}
