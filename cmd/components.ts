// What a process of given targets consists of, and which kind of process that is. Those who look after blocks need
// only the bucket and each other. On the embedded log all others live in one process, so a set that would leave
// spans unread, or ask nobody, is refused; on a topic of Kafka each may be a process of its own.
import { InputError } from "../lib/errors.ts";
import type { Target } from "./config/mod.ts";

export interface Components {
  readonly distributor: boolean;
  readonly liveStore: boolean;
  readonly blockBuilder: boolean;
  readonly generator: boolean;
  readonly querier: boolean;
  readonly frontend: boolean;
  readonly scheduler: boolean;
  readonly worker: boolean;
}

/** `embedded`: all on one log; `fleet`: some of those on a topic; `backend`: of blocks alone. */
export type ProcessKind = "embedded" | "fleet" | "backend";

export function componentsOf(targets: readonly Target[]): Components {
  const has = (name: Target) => targets.includes("all") || targets.includes(name);
  return {
    distributor: has("distributor"),
    liveStore: has("live-store"),
    blockBuilder: has("block-builder"),
    generator: has("metrics-generator"),
    querier: has("querier"),
    frontend: has("query-frontend"),
    scheduler: has("backend-scheduler"),
    worker: has("backend-worker"),
  };
}

export function kindOf(targets: readonly Target[], kafkaTopic: string): ProcessKind {
  const components = componentsOf(targets);
  const { distributor, liveStore, blockBuilder, generator } = components;
  const { querier, frontend, scheduler, worker } = components;
  const isOfSpans = distributor || liveStore || blockBuilder || generator;
  const isOfQueries = querier || frontend;
  if (!isOfSpans && !isOfQueries && (scheduler || worker)) return "backend";
  if (kafkaTopic !== "") return "fleet";
  if (!liveStore && !blockBuilder) {
    throw new InputError(
      "failed_precondition",
      `target ${targets.join(",")} on the embedded log lacks live-store and block-builder: ` +
        "the log is read by the process that writes it; name them too, use target all, or name a " +
        "topic in ingest.kafka.topic",
    );
  }
  return "embedded";
}
