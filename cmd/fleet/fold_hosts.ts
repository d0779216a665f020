// The partition hosts of a process on Kafka: of a live-store, or of a block-builder.
// Rule: every partition is read by exactly one host of each, and each reads the topic for itself.
import {
  type BuiltSection,
  foldLimits,
  type HostHandle,
  type HostLimitsSource,
  type HostOptions,
  LivePartitions,
  ThreadHost,
  WorkerHost,
  type WorkerLog,
} from "../../actors/mod.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { ObjectStore, StoreConfig } from "../../storage/mod.ts";
import type { LogReader, TimedLogReader } from "../../wal/mod.ts";
import { type Config, workerCount } from "../config/mod.ts";
import { hostOptions, shareOut } from "../partition_hosts.ts";

export interface FoldPlace {
  readonly partitions: readonly number[];
  /** For hosts in threads of their own. */
  readonly log: Extract<WorkerLog, { kind: "kafka" }>;
  readonly storeConfig: StoreConfig;
  /** For a host in this thread. */
  readonly reader: LogReader | TimedLogReader;
  readonly store: ObjectStore;
  /** Of the memory for columns, where several components share the process. */
  readonly memoryShare: number;
  readonly limits: HostLimitsSource;
  readonly changes: Partial<HostOptions>;
  announce(built: BuiltSection): Promise<void>;
  folded(partition: number, nextOffset: number, completeToMs: number): void;
}

export function openFoldHosts(
  runtime: Runtime,
  config: Config,
  cores: number,
  place: FoldPlace,
): LivePartitions {
  const { partitions, limits, announce, folded } = place;
  const workers = workerCount(config, cores);
  const hosts = shareOut(partitions, Math.max(1, workers)).map((share): HostHandle => {
    const options = placed(hostOptions(config, share, partitions.length), place);
    if (workers > 0) {
      return new WorkerHost(runtime.clock, { log: place.log, limits, announce, folded }, {
        store: place.storeConfig,
        options,
        logLevel: config.server.log_level,
        logFormat: config.server.log_format,
      });
    }
    return new ThreadHost(runtime, {
      log: place.reader,
      store: place.store,
      limits: foldLimits(() => limits.current()),
      announce,
      pause: nextTurn,
      folded,
    }, options);
  });
  return new LivePartitions(runtime, hosts);
}

function placed(options: HostOptions, { changes, memoryShare }: FoldPlace): HostOptions {
  const cut = { ...options.cut, ...changes.cut };
  const bytesMax = Math.floor(cut.bytesMax * memoryShare);
  return { ...options, ...changes, cut: { ...cut, bytesMax } };
}
