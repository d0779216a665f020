// A block-builder: folds its partitions of the topic, section by section, into blocks in the bucket.
// Rule: which partitions are its own is said by name or by number, and by one of the two alone.
import { type HostLimitsSource, type LivePartitions } from "../../actors/mod.ts";
import { InputError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import type { KafkaLog, KafkaSettings } from "../../wal/kafka/mod.ts";
import type { Config } from "../config/mod.ts";
import { hostOptions } from "../partition_hosts.ts";
import { storeConfig } from "../store_config.ts";
import { openFoldHosts } from "./fold_hosts.ts";

export interface BlockBuilderPlace {
  readonly instance: string;
  readonly partitions: readonly number[];
  readonly kafka: KafkaLog;
  readonly settings: KafkaSettings;
  readonly store: ObjectStore;
  readonly limits: HostLimitsSource;
  readonly memoryShare: number;
}

export function openBlockBuilder(
  runtime: Runtime,
  config: Config,
  cores: number,
  { partitions, kafka, settings, store, limits, memoryShare }: BlockBuilderPlace,
): LivePartitions {
  const owned = runtime.metrics.gauge(
    "tempo_block_builder_owned_partitions",
    "1 for a partition that this builder reads.",
    ["partition", "state"],
  );
  for (const partition of partitions) owned.labels(String(partition), "Active").set(1);
  const { cut } = hostOptions(config, partitions, partitions.length);
  return openFoldHosts(runtime, config, cores, {
    partitions,
    log: { kind: "kafka", settings, commitsPath: undefined },
    reader: kafka,
    storeConfig: storeConfig(config),
    store,
    memoryShare,
    limits,
    changes: { cut: { ...cut, ageMaxMs: config.block_builder.consume_cycle_duration } },
    announce: () => Promise.resolve(), // whoever asks finds them in the bucket
    folded: () => {},
  });
}

/** `own`: the partition of a live-store in the same process, for want of another assignment. */
export function assignedPartitions(
  { block_builder: keys }: Pick<Config, "block_builder">,
  instance: string,
  known: readonly number[],
  own: number | undefined,
): number[] {
  const { assigned_partitions: byName, partitions_per_instance: each } = keys;
  const isNamed = Object.keys(byName).length > 0;
  if (isNamed && each > 0) {
    refuse("assigned_partitions and block_builder.partitions_per_instance are both set");
  }
  if (isNamed) {
    const assigned = byName[instance];
    if (assigned === undefined) {
      const names = Object.keys(byName).join(", ");
      refuse(`assigned_partitions has no ${JSON.stringify(instance)}, but ${names}`);
    }
    const missing = assigned.filter((partition) => !known.includes(partition));
    if (missing.length > 0) {
      refuse(
        `assigned_partitions: ${instance} has partition ${missing[0]}, the topic ${known.length}`,
      );
    }
    return [...new Set(assigned)].sort((a, b) => a - b);
  }
  if (each === 0) {
    if (own !== undefined) return [own];
    refuse("partitions_per_instance or block_builder.assigned_partitions must be set");
  }
  const ordinal = /-?(\d+)$/.exec(instance)?.[1];
  if (ordinal === undefined) {
    refuse(`partitions_per_instance needs a number at the end of the instance's id: ${instance}`);
  }
  const first = Number(ordinal) * each;
  return known.filter((partition) => partition >= first && partition < first + each);
}

function refuse(reason: string): never {
  throw new InputError("failed_precondition", `block_builder.${reason}`);
}
