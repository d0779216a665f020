// The HTTP surface of queries and operations: who answers which path, and what every answer has in
// common (metrics, compression, errors in plain text).
import { Hono } from "hono";
import { InputError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AcrossTenants } from "./across_tenants.ts";
import { backendRoutes } from "./backend_routes.ts";
import { compressAnswers } from "./compress.ts";
import { errorResponse, notFound, statusOf } from "./errors.ts";
import { echoRoutes, opsRoutes } from "./ops_routes.ts";
import { metricsRoutes } from "./metrics_routes.ts";
import type { ApiContext, ApiDeps, ApiOptions, OpsContext, OpsDeps } from "./options.ts";
import { observeRequests } from "./request_metrics.ts";
import { overridesPages } from "./overrides_pages.ts";
import { searchRoutes } from "./search_routes.ts";
import { statusRoutes } from "./status_routes.ts";
import { tagRoutes } from "./tag_routes.ts";
import { traceRoutes } from "./trace_routes.ts";
import { uiRoutes } from "./ui_routes.ts";
import { userOverridesRoutes } from "./user_overrides_routes.ts";
import { tellWatermarks } from "./watermark.ts";

export interface Api {
  fetch(request: Request): Promise<Response>;
}

export function createApi(runtime: Runtime, deps: ApiDeps, options: ApiOptions): Api {
  const frontend = new AcrossTenants(deps.frontend);
  const context: ApiContext = { runtime, deps: { ...deps, frontend }, options };
  return assembled(context, (app, prefix) => {
    for (const base of [prefix, `/querier${prefix}`]) {
      if (deps.watermarks !== undefined) app.use(`${base}/*`, tellWatermarks(deps.watermarks));
      for (const routes of [traceRoutes, searchRoutes, tagRoutes, metricsRoutes]) {
        app.route(base, routes(context));
      }
    }
  });
}

/** The surface of a process that answers no queries. */
export function createOpsApi(runtime: Runtime, deps: OpsDeps, options: ApiOptions): Api {
  return assembled({ runtime, deps, options }, () => {});
}

function assembled(context: OpsContext, addQueries: (app: Hono, prefix: string) => void): Api {
  const { runtime, deps, options } = context;
  const denied = options.urlDenyList.map((pattern) => new RegExp(pattern));
  const app = new Hono();
  app.use(observeRequests(runtime));
  app.use(compressAnswers());
  app.use(async (c, next) => {
    refuseDenied(c.req.url, denied);
    await next();
  });

  const prefix = `${options.httpApiPrefix}/api`;
  addQueries(app, prefix);
  app.route(prefix, echoRoutes(context));
  if (deps.userOverrides !== undefined) {
    app.route(prefix, userOverridesRoutes(context, deps.userOverrides));
  }
  app.route("/", opsRoutes(context));
  if (deps.backend !== undefined) app.route("/", backendRoutes(deps.backend, options));
  app.route("/", overridesPages(context));
  app.route("/", statusRoutes(context, () => app.routes.map(({ path }) => path).filter(isNamed)));
  app.route("/", uiRoutes(prefix));

  app.notFound(() => notFound());
  app.onError((error, c) => {
    const status = statusOf(error, c.req.raw.signal);
    if (status >= 500) runtime.log.error("request failed", { path: c.req.path, status, error });
    return errorResponse(error, status);
  });
  return { fetch: async (request) => await app.fetch(request) };
}

function isNamed(pattern: string): boolean {
  return !pattern.endsWith("*");
}

function refuseDenied(url: string, denied: readonly RegExp[]): void {
  const { pathname, search } = new URL(url);
  const target = pathname + search;
  if (!denied.some((pattern) => pattern.test(target))) return;
  throw new InputError(
    "invalid_argument",
    `Invalid request ${target}. This query has been identified as one that destabilizes our ` +
      "system. Contact your system administrator for more information",
  );
}
