// What a process of given targets consists of. On the embedded log all of them live in one process,
// so a set that would leave spans unread, or ask nobody, is refused.
import { InputError } from "../lib/errors.ts";
import type { Target } from "./config/mod.ts";

export interface Components {
  readonly distributor: boolean;
  readonly partitions: boolean;
  readonly query: boolean;
  readonly backend: boolean;
}

export function componentsOf(targets: readonly Target[], kafkaTopic: string): Components {
  if (kafkaTopic !== "") {
    throw new InputError(
      "failed_precondition",
      `ingest.kafka.topic is ${JSON.stringify(kafkaTopic)}: this version has the embedded log only`,
    );
  }
  const has = (...names: Target[]) =>
    targets.includes("all") || names.some((n) => targets.includes(n));
  const components = {
    distributor: has("distributor"),
    partitions: has("live-store", "block-builder"),
    query: has("querier", "query-frontend"),
    backend: has("backend-scheduler", "backend-worker"),
  };
  if (!components.partitions) {
    throw new InputError(
      "failed_precondition",
      `target ${targets.join(",")} on the embedded log lacks live-store and block-builder: ` +
        "the log is read by the process that writes it; name them too, or use target all",
    );
  }
  return components;
}
