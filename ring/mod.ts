// The door of the ring: tokens, the partition ring and the way from a trace to its partition.
export { embeddedRing, type Partition, PartitionRing, PartitionState } from "./partition_ring.ts";
export { type PartitionRouter, RingRouter } from "./partition_router.ts";
export { SpreadTokens } from "./spread_tokens.ts";
export { tenantPrefix, traceToken } from "./token.ts";

export {
  defaultGossipOptions,
  Gossip,
  type GossipOptions,
  type GossipTransport,
} from "./gossip/gossip.ts";
export { ReplicatedMap } from "./gossip/replicated_map.ts";
export { InstanceLifecycler, type InstanceOptions } from "./instance_lifecycler.ts";
export {
  changeLock,
  changeState,
  type PartitionLifecycleOptions,
  PartitionLifecycler,
} from "./partition_lifecycler.ts";
export { type JudgedInstance, RingHealth } from "./health.ts";
export { type PartitionOwners, RingView } from "./ring_view.ts";
export { type Instance, instancesOf, type PartitionEntry, partitionsOf } from "./ring_entries.ts";
