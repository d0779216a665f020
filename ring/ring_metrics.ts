// What is told of the rings: members by state, partitions by state, the size of the map behind them.
// Rule: a state that nobody is in is told as 0, for alerts compare with it.
import type { Gauge, Metrics } from "../lib/metrics.ts";
import type { ReplicatedMap } from "./gossip/replicated_map.ts";
import type { JudgedInstance } from "./health.ts";
import { PartitionState } from "./partition_ring.ts";
import type { PartitionEntry } from "./ring_entries.ts";

const MEMBER_STATES = ["JOINING", "ACTIVE", "LEAVING", "Unhealthy"] as const;
const PARTITION_RING = "livestore-partitions";

export class RingMetrics {
  readonly #members: Gauge<"name" | "state">;
  readonly #oldest: Gauge<"name" | "state">;
  readonly #tokens: Gauge<"name" | "state">;
  readonly #partitions: Gauge<"name" | "state">;
  readonly #kvStores: Gauge;
  readonly #stateBytes: Gauge;
  readonly #healthScore: Gauge;

  constructor(metrics: Metrics) {
    const labels: ("name" | "state")[] = ["name", "state"];
    this.#members = metrics.gauge("tempo_ring_members", "Members of a ring by state", labels);
    this.#oldest = metrics.gauge(
      "tempo_ring_oldest_member_timestamp",
      "The oldest heartbeat of a ring's members, Unix seconds",
      labels,
    );
    this.#tokens = metrics.gauge("tempo_ring_tokens_total", "Tokens of a ring's members", labels);
    this.#partitions = metrics.gauge(
      "tempo_partition_ring_partitions",
      "Partitions by state",
      labels,
    );
    this.#kvStores = metrics.gauge(
      "tempo_memberlist_client_kv_store_count",
      "Entries that members keep alike",
    );
    this.#stateBytes = metrics.gauge(
      "tempo_memberlist_client_state_size_bytes",
      "Bytes of these entries",
    );
    this.#healthScore = metrics.gauge(
      "tempo_memberlist_client_cluster_node_health_score",
      "1 while this member hears from too few others to judge them, else 0",
    );
  }

  observeInstances(ring: string, instances: readonly JudgedInstance[]): void {
    for (const state of MEMBER_STATES) {
      const those = instances.filter((one) => (one.isHealthy ? one.state : "Unhealthy") === state);
      this.#members.labels(ring, state).set(those.length);
      const oldest = those.reduce((o, { heartbeatSeconds: s }) => Math.min(o, s), Infinity);
      this.#oldest.labels(ring, state).set(those.length === 0 ? 0 : oldest);
      this.#tokens.labels(ring, state).set(0); // partitions have tokens, instances have none
    }
  }

  observePartitions(partitions: readonly PartitionEntry[]): void {
    for (const state of ["Pending", "Active", "Inactive"] as const) {
      const count = partitions.filter((one) => PartitionState[one.state] === state).length;
      this.#partitions.labels(PARTITION_RING, state).set(count);
    }
  }

  observeMap(map: ReplicatedMap, isCutOff: boolean): void {
    this.#healthScore.set(isCutOff ? 1 : 0);
    let bytes = 0;
    for (const [id, { value }] of map.entries()) bytes += id.length + value.length;
    this.#kvStores.set(map.size);
    this.#stateBytes.set(bytes);
  }
}
