// OTLP over gRPC: the one unary method Export, its messages passed through as bytes.
// Success is answered only after the push resolved.

import { defaultGrpcServerOptions, type GrpcCall, GrpcServer } from "../../lib/grpc_server.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { listenBytes } from "../../lib/tls_listener.ts";
import type { Distributor } from "../distributor.ts";
import type { Listener, ReceiverOptions } from "./listener.ts";
import { TENANT_HEADER, tenantOf } from "./tenant.ts";

export const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** ExportTraceServiceResponse with an empty partial_success: all was taken. */
const SUCCESS = new Uint8Array([0x0a, 0x00]);

export async function serveOtlpGrpc(
  runtime: Runtime,
  distributor: Distributor,
  options: ReceiverOptions,
): Promise<Listener> {
  const { bodyBytesMax, multitenancyEnabled, closeTimeoutMs } = options;
  const handle = async ({ message, metadata, stopSignal }: GrpcCall) => {
    const tenant = tenantOf(metadata.get(TENANT_HEADER), multitenancyEnabled);
    await distributor.push(
      { tenant, bytes: message, receiver: "otlp/otlp_receiver", transport: "grpc" },
      stopSignal, // what has arrived whole is kept, even if its sender went away
    );
    return SUCCESS;
  };
  const server = new GrpcServer(runtime, { [EXPORT_PATH]: { kind: "unary", handle } }, {
    ...defaultGrpcServerOptions,
    receivedBytesMax: bodyBytesMax,
    closeTimeoutMs,
  });
  const listener = await listenBytes(runtime, options);
  server.serve(listener);
  return {
    port: listener.port,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
