// The gRPC server of a process: everything it offers over gRPC on one port, except receiving spans.
import { GrpcHealth } from "../lib/grpc_health.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "../lib/grpc_server.ts";
import { http2Fetch } from "../lib/http2_fetch.ts";
import type { Runtime } from "../lib/runtime.ts";
import { listenBytes, type ServerTls } from "../lib/tls_listener.ts";
import { type Config, grpcAddress, grpcServerOptions } from "./config/mod.ts";

/** Of a request that is not gRPC; none of ours needs more. */
const BODY_BYTES_MAX = 4 << 20;

export interface ProcessGrpc extends AsyncDisposable {
  readonly server: GrpcServer;
  /** Resolves to the port. */
  listen(): Promise<number>;
}

/** `fetch` answers what comes by HTTP/2 and is not gRPC, where both share a port. */
export function processGrpc(
  runtime: Runtime,
  config: Config,
  methods: GrpcMethods,
  fetch: (request: Request) => Promise<Response>,
  /** Undefined: in the clear. */
  tls: ServerTls | undefined,
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
    async listen() {
      const { host: hostname, port } = grpcAddress(config);
      const listener = await listenBytes(runtime, { hostname, port, tls });
      server.serve(listener);
      runtime.log.info("grpc listening", {
        hostname,
        port: listener.port,
        ...tls === undefined ? {} : { tls: tls.clientAuth },
      });
      return listener.port;
    },
    async [Symbol.asyncDispose]() {
      health.stopping();
      await server[Symbol.asyncDispose]();
    },
  };
}
