// The door of the ring: tokens, the partition ring and the way from a trace to its partition.
export { embeddedRing, type Partition, PartitionRing, PartitionState } from "./partition_ring.ts";
export { type PartitionRouter, RingRouter } from "./partition_router.ts";
export { SpreadTokens } from "./spread_tokens.ts";
export { tenantPrefix, traceToken } from "./token.ts";
