// The door of queries that cross processes.
export type { OwnedPartition, Owner } from "./covering.ts";
export { GrpcLiveOwner, type LiveClientOptions, type LiveOwner } from "./live_owner.ts";
export { type LiveStore, liveStoreService } from "./live_service.ts";
export type { LiveStatus, Watermark } from "./live_wire.ts";
export { RemoteLive, type RemoteLiveOptions } from "./remote_live.ts";
export { ConnectedQueriers } from "./connected_queriers.ts";
export { type FrontendLink, GrpcFrontendLink } from "./frontend_link.ts";
export { FrontendWorker, type FrontendWorkerOptions } from "./frontend_worker.ts";
