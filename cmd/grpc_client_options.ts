// How other processes are called: a `grpc_client_config` in the client's own terms.
import type { GrpcCallOptions } from "../lib/grpc_client.ts";
import type { Runtime } from "../lib/runtime.ts";
import { type ClientKeys, clientTls, type Owner } from "./tls.ts";

/** `path`: of the section, for refusals. */
export function grpcCallOptions(
  runtime: Runtime,
  keys: ClientKeys,
  path: string,
  owner: Owner,
): GrpcCallOptions {
  const { min_period, max_period, max_retries } = keys.backoff_config;
  const { rate_limit, rate_limit_burst } = keys;
  return {
    receivedBytesMax: keys.max_recv_msg_size,
    sentBytesMax: keys.max_send_msg_size,
    encoding: keys.grpc_compression || "identity",
    tls: clientTls(runtime, keys, path, owner),
    rate: rate_limit === 0
      ? undefined
      : { perSecond: rate_limit, burst: rate_limit_burst || Math.max(1, Math.floor(rate_limit)) },
    rateLimited: keys.backoff_on_ratelimits
      ? { minMs: min_period, maxMs: max_period, retriesMax: max_retries, random: runtime.random }
      : undefined,
  };
}
