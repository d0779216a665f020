// The HTTP surface of queries and operations.
export { type Api, createApi, createJaegerApi, createOpsApi, grpcMethods } from "./api.ts";
export {
  type AdminActions,
  type ApiDeps,
  type ApiOptions,
  type BackendAdmin,
  type BuildInfo,
  type ConfigMode,
  defaultApiOptions,
  type LimitsPages,
  type OpsDeps,
  type SearchOptions,
  type ServiceState,
  type UserOverridesApi,
} from "./options.ts";
export type {
  DownscaleApi,
  InstanceRingApi,
  MemberlistApi,
  PartitionRingApi,
  RingsApi,
} from "./ring_options.ts";
export { liveQuerier, type LiveQuerierDeps } from "./live_querier.ts";
export { type Listener, type ListenOptions, serveApi } from "./serve.ts";
export { searchAnswer } from "./search_answer.ts";
export { traceAnswerV2 } from "./trace_answer.ts";
export { checkSearchQuery } from "./query_text.ts";
