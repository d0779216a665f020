// What a process offers over HTTP and gRPC: the API of queries where it has a frontend, operations everywhere, and
// what its targets are asked by other processes.
// Rule: servers close before what they ask; who waits at gRPC for long (queriers, workers of other processes) is
// sent away before it closes.
import {
  type ApiDeps,
  createApi,
  createJaegerApi,
  createOpsApi,
  grpcMethods,
  type OpsDeps,
  serveApi,
} from "../api/mod.ts";
import type { GrpcMethods } from "../lib/grpc_server.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Frontend } from "../query/frontend/mod.ts";
import { apiOptions } from "./api_options.ts";
import { type RunningScheduler, schedulerGrpc } from "./backend.ts";
import { type Config, httpAddress, jaegerAddress } from "./config/mod.ts";
import { processGrpc } from "./grpc_server.ts";
import { serverTls } from "./tls.ts";

export interface Offered {
  readonly deps: OpsDeps;
  /** Undefined where no queries are answered. */
  readonly frontend: Frontend | undefined;
  readonly scheduler: RunningScheduler | undefined;
  /** Beside those of the frontend and the scheduler. */
  readonly methods: GrpcMethods;
  /** Sends those away who wait at `methods`. */
  stop(): Promise<void>;
}

export interface SurfacePorts {
  readonly http: number;
  readonly grpc: number;
}

export async function openSurface(
  runtime: Runtime,
  config: Config,
  { deps, frontend, scheduler, methods, stop }: Offered,
  stack: AsyncDisposableStack,
): Promise<SurfacePorts> {
  const options = apiOptions(config);
  const tls = serverTls(runtime, config, "http_tls_config", stack);
  const grpcTls = serverTls(runtime, config, "grpc_tls_config", stack);
  const ofQueries: ApiDeps | undefined = frontend && { ...deps, frontend };
  const api = ofQueries === undefined
    ? createOpsApi(runtime, deps, options)
    : createApi(runtime, ofQueries, options);
  const grpc = processGrpc(
    runtime,
    config,
    {
      ...(ofQueries === undefined ? {} : grpcMethods(runtime, ofQueries, options)),
      ...(scheduler === undefined ? {} : schedulerGrpc(config, scheduler.scheduler)),
      ...methods,
    },
    (request) => api.fetch(request),
    grpcTls,
  );
  const { host: hostname, port } = httpAddress(config);
  const shared = config.stream_over_http_enabled ? { grpc: grpc.server } : {};
  const server = stack.use(await serveApi(runtime, api, { hostname, port, tls, ...shared }));
  const jaeger = jaegerAddress(config);
  if (jaeger !== undefined && ofQueries !== undefined) {
    const jaegerApi = createJaegerApi(runtime, ofQueries, options);
    stack.use(
      await serveApi(runtime, jaegerApi, { hostname: jaeger.host, port: jaeger.port, tls }),
    );
  }
  stack.use(grpc); // closes first, while what it shares a port with still listens
  const grpcPort = await grpc.listen();
  stack.defer(stop);
  if (scheduler !== undefined) stack.defer(() => scheduler[Symbol.asyncDispose]());
  return { http: server.port, grpc: grpcPort };
}
