// What of the configuration says how a process lives in its rings.
// Rule: rings are kept alike by gossip, or known to one process alone; a store of another kind, or one
// ring of each, is refused by its key.
import { InputError } from "../../lib/errors.ts";
import { type Config, type Target } from "../config/mod.ts";

export interface Memberships {
  readonly distributor: boolean;
  readonly liveStore: boolean;
  readonly generator: boolean;
}

/** The rings that a process of these targets is in; all others it only knows. */
export function membershipsOf(targets: readonly Target[]): Memberships {
  const isAll = targets.includes("all");
  return {
    distributor: isAll || targets.includes("distributor"),
    liveStore: isAll || targets.includes("live-store"),
    generator: isAll || targets.includes("metrics-generator"),
  };
}

/** Whether the rings are of this process alone. Throws InputError that names the key. */
export function isAlone(config: Config, targets: readonly Target[]): boolean {
  const { distributor, live_store, metrics_generator } = config;
  const stores = {
    "distributor.ring.kvstore.store": distributor.ring.kvstore.store,
    "live_store.ring.kvstore.store": live_store.ring.kvstore.store,
    "live_store.partition_ring.kvstore.store": live_store.partition_ring.kvstore.store,
    "metrics_generator.ring.kvstore.store": metrics_generator.ring.kvstore.store,
  };
  for (const [key, store] of Object.entries(stores)) {
    if (["memberlist", "inmemory", ""].includes(store)) continue;
    throw new InputError(
      "failed_precondition",
      `${key}: ${store} is not in this version, rings are kept by memberlist or inmemory`,
    );
  }
  if (targets.includes("all")) return true;
  const inMemory = Object.entries(stores).filter(([, store]) => store === "inmemory");
  if (inMemory.length > 0 && inMemory.length < Object.keys(stores).length) {
    const others = Object.keys(stores).filter((key) => !inMemory.some(([name]) => name === key));
    throw new InputError(
      "failed_precondition",
      `${inMemory[0]![0]} is inmemory and ${others[0]} is not: all rings are kept in one place`,
    );
  }
  return inMemory.length > 0;
}

/** How a ring's members are judged; who has been silent for twice the timeout is removed. */
export function healthOptions(ring: string, heartbeatTimeoutMs: number) {
  return { ring, timeoutMs: heartbeatTimeoutMs, forgetMs: 2 * heartbeatTimeoutMs };
}
