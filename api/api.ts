// The HTTP surface of queries and operations: who answers which path, and what every answer has in
// common (metrics, compression, errors in plain text).
import { Hono } from "hono";
import type { GrpcMethods } from "../lib/grpc_server.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AcrossTenants } from "./across_tenants.ts";
import { backendRoutes } from "./backend_routes.ts";
import { compressAnswers } from "./compress.ts";
import { denyList, refuseDenied } from "./deny_list.ts";
import { downscaleRoutes } from "./downscale_routes.ts";
import { errorResponse, notFound, statusOf } from "./errors.ts";
import { echoRoutes, opsRoutes } from "./ops_routes.ts";
import { jaegerRoutes } from "./jaeger/jaeger_routes.ts";
import { jaegerQueryService } from "./jaeger/v3_service.ts";
import { mcpRoutes } from "./mcp_routes.ts";
import { metricsRoutes } from "./metrics_routes.ts";
import type { ApiContext, ApiDeps, ApiOptions, OpsContext, OpsDeps } from "./options.ts";
import { observeRequests } from "./request_metrics.ts";
import { overridesPages } from "./overrides_pages.ts";
import { ringPages } from "./ring_pages.ts";
import { searchRoutes } from "./search_routes.ts";
import { statusRoutes } from "./status_routes.ts";
import { streamingQuerier } from "./streaming_querier.ts";
import { tagRoutes } from "./tag_routes.ts";
import { traceRoutes } from "./trace_routes.ts";
import { uiRoutes } from "./ui_routes.ts";
import { userOverridesRoutes } from "./user_overrides_routes.ts";
import { tellWatermarks } from "./watermark.ts";

export interface Api {
  fetch(request: Request): Promise<Response>;
}

export function createApi(runtime: Runtime, deps: ApiDeps, options: ApiOptions): Api {
  const context = contextOf(runtime, deps, options);
  const app = appOf(context);
  const prefix = `${options.httpApiPrefix}/api`;
  for (const base of [prefix, `/querier${prefix}`]) {
    if (deps.watermarks !== undefined) app.use(`${base}/*`, tellWatermarks(deps.watermarks));
    for (const routes of [traceRoutes, searchRoutes, tagRoutes, metricsRoutes]) {
      app.route(base, routes(context));
    }
  }
  app.route(`${options.httpApiPrefix}/jaeger`, jaegerRoutes(context));
  app.route(prefix, mcpRoutes(context));
  addOperations(app, context);
  const isInternal = (request: Request) => new URL(request.url).pathname.startsWith("/querier/");
  return {
    fetch: async (request) =>
      await app.fetch(isInternal(request) ? acceptingProtobuf(request) : request),
  };
}

/** The surface of a process that answers no queries. */
export function createOpsApi(runtime: Runtime, deps: OpsDeps, options: ApiOptions): Api {
  const context = { runtime, deps, options };
  const app = appOf(context);
  addOperations(app, context);
  return { fetch: async (request) => await app.fetch(request) };
}

function addOperations(app: Hono, context: OpsContext): void {
  const { deps, options } = context;
  const prefix = `${options.httpApiPrefix}/api`;
  app.route(prefix, echoRoutes(context));
  if (deps.userOverrides !== undefined) {
    app.route(prefix, userOverridesRoutes(context, deps.userOverrides));
  }
  app.route("/", opsRoutes(context));
  if (deps.backend !== undefined) app.route("/", backendRoutes(deps.backend, options));
  if (deps.rings !== undefined) app.route("/", ringPages(context, deps.rings));
  if (deps.downscale !== undefined) app.route("/", downscaleRoutes(deps.downscale));
  app.route("/", overridesPages(context));
  app.route("/", statusRoutes(context, () => app.routes.map(({ path }) => path).filter(isNamed)));
  app.route("/", uiRoutes(prefix));
}

/** The routes between processes have one form, whatever is accepted. */
function acceptingProtobuf(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.set("Accept", "application/protobuf");
  return new Request(request, { headers });
}

/** Jaeger's query API alone, at the paths where its clients look for it, which others of ours have too. */
export function createJaegerApi(runtime: Runtime, deps: ApiDeps, options: ApiOptions): Api {
  const context = contextOf(runtime, deps, options);
  const app = appOf(context).route("/", jaegerRoutes(context));
  return { fetch: async (request) => await app.fetch(request) };
}

/** What is offered over gRPC. */
export function grpcMethods(runtime: Runtime, deps: ApiDeps, options: ApiOptions): GrpcMethods {
  return {
    ...streamingQuerier(runtime, deps, options),
    ...jaegerQueryService({ runtime, deps, options }),
  };
}

function contextOf(runtime: Runtime, deps: ApiDeps, options: ApiOptions): ApiContext {
  return { runtime, deps: { ...deps, frontend: new AcrossTenants(deps.frontend) }, options };
}

function appOf({ runtime, options }: OpsContext): Hono {
  const denied = denyList(options);
  const app = new Hono();
  app.use(observeRequests(runtime));
  app.use(compressAnswers());
  app.use(async (c, next) => {
    const { pathname, search } = new URL(c.req.url);
    refuseDenied(pathname + search, denied);
    await next();
  });
  app.notFound(() => notFound());
  app.onError((error, c) => {
    const status = statusOf(error, c.req.raw.signal);
    if (status >= 500) runtime.log.error("request failed", { path: c.req.path, status, error });
    return errorResponse(error, status);
  });
  return app;
}

function isNamed(pattern: string): boolean {
  return !pattern.endsWith("*");
}
