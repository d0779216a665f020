// OTLP over gRPC: the unary method Export, its messages passed through as bytes.
import * as grpc from "@grpc/grpc-js";
import { requestDuration } from "../../lib/request_duration.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Distributor } from "../distributor.ts";
import type { Listener, ReceiverOptions } from "./listener.ts";
import { encodeStatus, type RpcStatus, statusOf } from "./rpc_status.ts";
import { TENANT_HEADER, tenantOf } from "./tenant.ts";

export const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

const identity = (bytes: Buffer) => bytes;
const SERVICE = {
  export: {
    path: EXPORT_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} as const;
/** ExportTraceServiceResponse with an empty partial_success: all was taken. */
const SUCCESS = Buffer.from([0x0a, 0x00]);

export async function serveOtlpGrpc(
  runtime: Runtime,
  distributor: Distributor,
  options: ReceiverOptions,
): Promise<Listener> {
  const durations = requestDuration(runtime.metrics);
  const succeeded = durations.labels("gRPC", EXPORT_PATH, "success", "false");
  const failed = durations.labels("gRPC", EXPORT_PATH, "error", "false");
  const server = new grpc.Server({ "grpc.max_receive_message_length": options.bodyBytesMax });

  async function push(call: grpc.ServerUnaryCall<Buffer, Buffer>): Promise<RpcStatus | undefined> {
    const abort = new AbortController();
    call.on("cancelled", () => abort.abort());
    try {
      const [header] = call.metadata.get(TENANT_HEADER);
      const tenant = tenantOf(header?.toString(), options.multitenancyEnabled);
      await distributor.push(
        { tenant, bytes: call.request, receiver: "otlp/otlp_receiver", transport: "grpc" },
        abort.signal,
      );
    } catch (error) {
      const status = statusOf(error, abort.signal);
      if (status.isInternal) runtime.log.error("request failed", { route: EXPORT_PATH, error });
      return status;
    }
  }

  server.addService(SERVICE, {
    async export(call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      const startMs = runtime.clock.monotonic();
      const status = await push(call);
      const seconds = (runtime.clock.monotonic() - startMs) / 1000;
      (status === undefined ? succeeded : failed).observe(seconds);
      if (status === undefined) answer(null, SUCCESS);
      else answer(toGrpcError(status));
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(
    `${options.hostname}:${options.port}`,
    grpc.ServerCredentials.createInsecure(),
    (error, port) => error ? reject(error) : resolve(port),
  );
  const port = await promise;
  return {
    port,
    async [Symbol.asyncDispose]() {
      const impatience = runtime.clock.setTimeout(
        () => server.forceShutdown(),
        options.closeTimeoutMs,
      );
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      runtime.clock.clearTimeout(impatience);
    },
  };
}

function toGrpcError(status: RpcStatus): Partial<grpc.StatusObject> & { code: number } {
  const metadata = new grpc.Metadata();
  if (status.retryAfterMs !== undefined) {
    metadata.set("grpc-status-details-bin", Buffer.from(encodeStatus(status)));
  }
  return { code: status.code, details: status.message, metadata };
}
