// From a trace to the partition that takes it: the one question the distributor asks of the ring.
import type { PartitionRing } from "./partition_ring.ts";
import { tenantPrefix, traceToken } from "./token.ts";

export interface PartitionRouter {
  /** The Active partition of the trace whose 16-byte id lies at `at`; UnavailableError if none is. */
  partitionOf(tenant: string, bytes: Uint8Array, at: number): number;
}

/** Routes by whatever ring is current; asked each time, because the ring changes under gossip. */
export class RingRouter implements PartitionRouter {
  readonly #ring: () => PartitionRing;
  // Traces come in batches of one tenant: remembering one prefix is enough.
  #tenant = "";
  #prefix = tenantPrefix("");

  constructor(ring: () => PartitionRing) {
    this.#ring = ring;
  }

  partitionOf(tenant: string, bytes: Uint8Array, at: number): number {
    if (tenant !== this.#tenant) {
      this.#tenant = tenant;
      this.#prefix = tenantPrefix(tenant);
    }
    return this.#ring().activePartitionForKey(traceToken(this.#prefix, bytes, at));
  }
}
