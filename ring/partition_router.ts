// From a trace to the partition that takes it: the one question the distributor asks of the ring.
// Rule: a tenant with a shard size writes to its shard alone; queries and consumers ask all partitions,
// so that a shard may change without anything being lost from sight.
import type { PartitionRing, Shard } from "./partition_ring.ts";
import { tenantPrefix, traceToken } from "./token.ts";

export interface PartitionRouter {
  /** The Active partition of the trace whose 16-byte id lies at `at`; UnavailableError if none is. */
  partitionOf(tenant: string, bytes: Uint8Array, at: number): number;
}

/** Shards that are remembered: a byte a partition each. */
const SHARDS_MAX = 10_000;

/** Routes by whatever ring is current; asked each time, because the ring changes under gossip. */
export class RingRouter implements PartitionRouter {
  readonly #ring: () => PartitionRing;
  readonly #shardSizeOf: ((tenant: string) => number) | undefined;
  readonly #shards = new Map<string, { readonly size: number; readonly shard: Shard }>();
  /** Of `#shards`. */
  #shardedRing: PartitionRing | undefined;
  // Traces come in batches of one tenant: remembering one prefix is enough.
  #tenant = "";
  #prefix = tenantPrefix("");

  /** `shardSizeOf`: 0 for a tenant that has all partitions; undefined if all tenants do. */
  constructor(ring: () => PartitionRing, shardSizeOf?: (tenant: string) => number) {
    this.#ring = ring;
    this.#shardSizeOf = shardSizeOf;
  }

  partitionOf(tenant: string, bytes: Uint8Array, at: number): number {
    if (tenant !== this.#tenant) {
      this.#tenant = tenant;
      this.#prefix = tenantPrefix(tenant);
    }
    const ring = this.#ring();
    const token = traceToken(this.#prefix, bytes, at);
    const size = this.#shardSizeOf === undefined ? 0 : this.#shardSizeOf(tenant);
    if (size === 0) return ring.activePartitionForKey(token);
    return ring.partitionInShard(token, this.#shardOf(ring, tenant, size));
  }

  #shardOf(ring: PartitionRing, tenant: string, size: number): Shard {
    if (ring !== this.#shardedRing || this.#shards.size >= SHARDS_MAX) {
      this.#shards.clear();
      this.#shardedRing = ring;
    }
    const known = this.#shards.get(tenant);
    if (known?.size === size) return known.shard;
    const shard = ring.shardOf(tenant, size);
    this.#shards.set(tenant, { size, shard });
    return shard;
  }
}
