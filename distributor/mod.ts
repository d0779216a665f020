// The door of the distributor: the push path and the receivers in front of it.
export {
  createDistributor,
  defaultDistributorOptions,
  type Distributor,
  type DistributorDependencies,
  type DistributorOptions,
  type Push,
} from "./distributor.ts";
export {
  defaultReceiverOptions,
  type Listener,
  type ReceiverOptions,
} from "./receivers/listener.ts";
export { serveOtlpGrpc } from "./receivers/otlp_grpc.ts";
export { serveOtlpHttp } from "./receivers/otlp_http.ts";
