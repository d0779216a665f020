// The gRPC server of a process: everything it offers over gRPC on one port, except receiving spans.
import { GrpcHealth } from "../lib/grpc_health.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "../lib/grpc_server.ts";
import { http2Fetch } from "../lib/http2_fetch.ts";
import type { Runtime } from "../lib/runtime.ts";
import { type Config, grpcAddress, grpcServerOptions } from "./config/mod.ts";

/** Of a request that is not gRPC; none of ours needs more. */
const BODY_BYTES_MAX = 4 << 20;

export interface ProcessGrpc extends AsyncDisposable {
  readonly server: GrpcServer;
  /** Returns the port. */
  listen(): number;
}

/** `fetch` answers what comes by HTTP/2 and is not gRPC, where both share a port. */
export function processGrpc(
  runtime: Runtime,
  config: Config,
  methods: GrpcMethods,
  fetch: (request: Request) => Promise<Response>,
): ProcessGrpc {
  const health = new GrpcHealth();
  const server = new GrpcServer(runtime, { ...methods, ...health.methods() }, {
    ...defaultGrpcServerOptions,
    ...grpcServerOptions(config),
    ...(config.stream_over_http_enabled
      ? { otherwise: http2Fetch({ bodyBytesMax: BODY_BYTES_MAX, fetch }) }
      : {}),
  });
  return {
    server,
    listen() {
      const { host, port } = grpcAddress(config);
      const listening = server.listen(host, port);
      runtime.log.info("grpc listening", { hostname: host, port: listening });
      return listening;
    },
    async [Symbol.asyncDispose]() {
      health.stopping();
      await server[Symbol.asyncDispose]();
    },
  };
}
