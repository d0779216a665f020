// The write path of a process: the distributor and the receivers in front of it.
import {
  createDistributor,
  defaultDistributorOptions,
  type ReceiverOptions,
  serveOtlpGrpc,
  serveOtlpHttp,
} from "../distributor/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { LimitsOf } from "../model/limits.ts";
import { type PartitionRing, RingRouter } from "../ring/mod.ts";
import type { LogWriter } from "../wal/mod.ts";
import { type Config, type ListenAddress, receiverAddresses } from "./config/mod.ts";
import { receiverTls } from "./tls.ts";

/** Of the memory budget: requests that wait for the log; beyond it spans are refused for now. */
const INFLIGHT_SHARE = 0.15;

/** Disposing refuses new spans and waits for those on their way. */
export interface WritePath extends AsyncDisposable {
  readonly otlpGrpcPort: number | undefined;
  readonly otlpHttpPort: number | undefined;
}

/** What the distributor stands on. */
export interface WriteGround {
  readonly log: LogWriter;
  /** Asked each time, because it changes under gossip. */
  readonly ring: () => PartitionRing;
  readonly limits: LimitsOf;
  /** How long to hold an answer back just now; not at all if left out. */
  readonly paceMs?: () => number;
  /** Healthy distributors, this one too; one if left out. */
  readonly distributorCount?: () => number;
}

export async function openWritePath(
  runtime: Runtime,
  config: Config,
  { log, ring, limits, paceMs, distributorCount }: WriteGround,
): Promise<WritePath> {
  const shardSizeOf = (tenant: string) => limits(tenant).ingestion.tenantShardSize;
  const partitions = new RingRouter(ring, shardSizeOf);
  const { distributor: keys, ingest: { kafka }, segno, server, multitenancy_enabled } = config;
  const distributor = createDistributor(
    runtime,
    { log, partitions, limits },
    {
      ...defaultDistributorOptions,
      attributeBytesMax: keys.max_attribute_bytes,
      recordBytesMax: kafka.producer_max_record_size_bytes,
      retryAfterMs: keys.retry_after_on_resource_exhausted,
      ...paceMs === undefined ? {} : { paceMs },
      ...distributorCount === undefined ? {} : { distributorCount },
      inflightBytesMax: Math.floor(segno.memory_budget_bytes * INFLIGHT_SHARE),
    },
  );
  const { grpc, http } = receiverAddresses(config);
  await using stack = new AsyncDisposableStack();
  const options = (
    protocol: "grpc" | "http",
    { host, port }: ListenAddress,
    bodyBytesMax: number,
  ): ReceiverOptions => ({
    hostname: host,
    port,
    bodyBytesMax,
    multitenancyEnabled: multitenancy_enabled,
    closeTimeoutMs: server.graceful_shutdown_timeout,
    tls: receiverTls(runtime, config, protocol, stack),
  });
  const grpcListener = grpc === undefined ? undefined : stack.use(
    await serveOtlpGrpc(runtime, distributor, options("grpc", grpc, grpc.messageBytesMax)),
  );
  const httpListener = http === undefined ? undefined : stack.use(
    await serveOtlpHttp(runtime, distributor, options("http", http, http.bodyBytesMax)),
  );
  const opened = stack.move();
  return {
    otlpGrpcPort: grpcListener?.port,
    otlpHttpPort: httpListener?.port,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
