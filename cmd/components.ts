// What a process of given targets consists of. Those who look after blocks need only the bucket, and each
// other. On the embedded log all others live in one process, so a set that would leave spans unread, or ask
// nobody, is refused.
import { InputError } from "../lib/errors.ts";
import type { Target } from "./config/mod.ts";

export interface Components {
  readonly distributor: boolean;
  readonly partitions: boolean;
  readonly query: boolean;
  readonly scheduler: boolean;
  readonly worker: boolean;
}

export function componentsOf(targets: readonly Target[], kafkaTopic: string): Components {
  const has = (...names: Target[]) =>
    targets.includes("all") || names.some((n) => targets.includes(n));
  const components = {
    distributor: has("distributor"),
    partitions: has("live-store", "block-builder"),
    query: has("querier", "query-frontend"),
    scheduler: has("backend-scheduler"),
    worker: has("backend-worker"),
  };
  if (isOfBlocksAlone(components, targets)) return components;
  if (kafkaTopic !== "") {
    throw new InputError(
      "failed_precondition",
      `ingest.kafka.topic is ${JSON.stringify(kafkaTopic)}: this version has the embedded log only`,
    );
  }
  if (!components.partitions) {
    throw new InputError(
      "failed_precondition",
      `target ${targets.join(",")} on the embedded log lacks live-store and block-builder: ` +
        "the log is read by the process that writes it; name them too, or use target all",
    );
  }
  return components;
}

/** Neither spans nor queries pass through it. */
export function isOfBlocksAlone(
  { distributor, partitions, query, scheduler, worker }: Components,
  targets: readonly Target[],
): boolean {
  if (distributor || partitions || query || targets.includes("metrics-generator")) return false;
  return scheduler || worker;
}
