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
export {
  type GossipListener,
  type GossipListenOptions,
  listenForGossip,
} from "./gossip/http_listener.ts";
export { HttpGossipTransport } from "./gossip/http_transport.ts";
export { hostPort, parseSeed, type Resolver, Seeds } from "./gossip/seeds.ts";
export { systemResolver } from "./gossip/system_resolver.ts";
export { ReplicatedMap } from "./gossip/replicated_map.ts";
export { Downscale, type DrainedPartition } from "./downscale.ts";
export { InstanceLifecycler, type InstanceOptions } from "./instance_lifecycler.ts";
export {
  changeLock,
  changeState,
  type PartitionLifecycleOptions,
  PartitionLifecycler,
  writeEmbeddedPartitions,
} from "./partition_lifecycler.ts";
export { isCutOff, type JudgedInstance, RingHealth } from "./health.ts";
export { type PartitionOwners, RingView } from "./ring_view.ts";
export {
  type Instance,
  instancesOf,
  LIVE_STORE_RING,
  MEMBERS_RING,
  type PartitionEntry,
  partitionOfInstance,
  partitionsOf,
  removeInstance,
} from "./ring_entries.ts";
export { RingMetrics } from "./ring_metrics.ts";
