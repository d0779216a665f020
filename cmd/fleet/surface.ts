// What a process of a fleet offers over HTTP and gRPC: the API of queries where it has a frontend, operations
// everywhere, and what its other targets are asked by other processes.
import {
  type ApiDeps,
  createApi,
  createJaegerApi,
  createOpsApi,
  type OpsDeps,
  serveApi,
} from "../../api/mod.ts";
import type { LimitsOf } from "../../model/limits.ts";
import { apiOptions } from "../api_options.ts";
import { schedulerGrpc } from "../backend.ts";
import { buildInfo } from "../build_info.ts";
import {
  defaultConfig,
  httpAddress,
  jaegerAddress,
  type Target,
  tellChanges,
  tellConfig,
} from "../config/mod.ts";
import { processGrpc } from "../grpc_server.ts";
import { limitsPages } from "../overrides/limits_pages.ts";
import type { OpenedOverrides } from "../overrides/open_overrides.ts";
import { downscaleOf, ringPages } from "../rings/ring_pages.ts";
import type { FleetReadiness } from "./fleet_readiness.ts";
import type { Folds } from "./folds.ts";
import type { ReadSide } from "./read_side.ts";
import type { Shared } from "./shared.ts";
import type { Upkeep } from "./upkeep.ts";

export interface Parts {
  readonly shared: Shared;
  readonly targets: readonly Target[];
  readonly overrides: OpenedOverrides;
  readonly readiness: FleetReadiness;
  readonly folds: Folds;
  readonly readSide: ReadSide;
  readonly upkeep: Upkeep;
  shutdown(): void;
}

export interface SurfacePorts {
  readonly http: number;
  readonly grpc: number;
}

/** On the stack servers come after what they ask, so that they close first. */
export async function openSurface(
  parts: Parts,
  stack: AsyncDisposableStack,
): Promise<SurfacePorts> {
  const { folds, readSide, upkeep: { scheduler } } = parts;
  const { runtime, config } = parts.shared;
  const { limitsOf } = parts.overrides.overrides;
  const deps = depsOf(parts, limitsOf);
  const options = apiOptions(config);
  const { frontend } = readSide;
  const ofQueries: ApiDeps | undefined = frontend && { ...deps, frontend };
  const api = ofQueries === undefined
    ? createOpsApi(runtime, deps, options)
    : createApi(runtime, ofQueries, options);
  const grpc = processGrpc(runtime, config, {
    ...folds.grpc(limitsOf),
    ...(ofQueries === undefined ? {} : readSide.grpc(ofQueries, options)),
    ...(scheduler === undefined ? {} : schedulerGrpc(config, scheduler.scheduler)),
  }, (request) => api.fetch(request));
  const { host: hostname, port } = httpAddress(config);
  const splice = config.stream_over_http_enabled ? { grpc: grpc.server } : {};
  const server = stack.use(await serveApi(runtime, api, { hostname, port, ...splice }));
  const jaeger = jaegerAddress(config);
  if (jaeger !== undefined && ofQueries !== undefined) {
    const jaegerApi = createJaegerApi(runtime, ofQueries, options);
    stack.use(await serveApi(runtime, jaegerApi, { hostname: jaeger.host, port: jaeger.port }));
  }
  stack.use(grpc); // closes first, while what it shares a port with still listens
  const grpcPort = grpc.listen();
  // These end before their listener, where queriers and workers of other processes wait.
  stack.defer(() => readSide.stop());
  if (scheduler !== undefined) stack.defer(() => scheduler[Symbol.asyncDispose]());
  return { http: server.port, grpc: grpcPort };
}

function depsOf(parts: Parts, limits: LimitsOf): OpsDeps {
  const { shared, targets, readiness, folds, readSide, upkeep } = parts;
  const { runtime, config, rings } = shared;
  const { overrides, userOverrides } = parts.overrides;
  const actor = upkeep.scheduler?.scheduler;
  return {
    limits,
    overrides: limitsPages(overrides),
    ...userOverrides === undefined ? {} : { userOverrides },
    readiness: () => readiness.reasons,
    metricsText: async () =>
      await runtime.metrics.text([...await folds.metrics(), ...await readSide.metrics()]),
    services: () => {
      const state = readiness.reasons.length === 0 ? "Running" : "Starting";
      return targets.map((name) => ({ name, state }));
    },
    configText: (mode) =>
      mode === "diff"
        ? tellChanges(config)
        : tellConfig(mode === "defaults" ? defaultConfig() : config),
    buildInfo,
    watermarks: () => readSide.frontend === undefined ? folds.watermarks() : readSide.watermarks(),
    admin: { flush: () => folds.flush(), shutdown: () => parts.shutdown() },
    backend: actor && upkeep.store && { actor, store: upkeep.store },
    rings: ringPages(rings, config),
    downscale: downscaleOf(rings, () => !readiness.isStopping && folds.refusal === undefined),
  };
}
