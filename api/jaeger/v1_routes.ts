// Jaeger's HTTP API of old, which Grafana's Jaeger data source asks, and Jaeger's UI for a trace and for
// dependencies. Everything comes in one envelope; a trace that is missing is 404, because Grafana reads
// the first of the data unseen.
import { type Context, Hono } from "hono";
import { statusOf } from "../errors.ts";
import type { ApiContext } from "../options.ts";
import { tenantOf } from "../tenant.ts";
import { parseTraceId } from "../trace_params.ts";
import { type FullTrace, JaegerQuery } from "./jaeger_query.ts";
import { jaegerTrace } from "./v1_model.ts";
import { parseDependencyWindow, parseV1Search } from "./v1_params.ts";

/** Below `/api`. */
export function jaegerV1Routes({ runtime, deps, options }: ApiContext): Hono {
  const jaeger = new JaegerQuery(deps.frontend);
  const asker = ({ req }: Context) => ({
    tenant: tenantOf(req.raw.headers, options),
    params: new URL(req.url).searchParams,
    signal: req.raw.signal,
    nowMs: runtime.clock.now(),
  });
  const routes = new Hono();

  routes.get("/services", async (c) => {
    const { tenant, signal } = asker(c);
    return data(await jaeger.services(tenant, signal));
  });

  routes.get("/services/:service{.+}/operations", async (c) => {
    const { tenant, signal } = asker(c);
    return data(await jaeger.operationNames(tenant, c.req.param("service"), signal));
  });

  routes.get("/operations", async (c) => {
    const { tenant, params, signal } = asker(c);
    const service = params.get("service") ?? "";
    if (service === "") return failure(400, "parameter 'service' is required");
    return data(await jaeger.operations(tenant, service, params.get("spanKind") ?? "", signal));
  });

  routes.get("/traces", async (c) => {
    const { tenant, params, signal, nowMs } = asker(c);
    const search = parseV1Search(params, nowMs);
    const traces = "traceIds" in search
      ? await jaeger.traces(tenant, search.traceIds, signal)
      : await jaeger.search(tenant, search.query, signal);
    return data(traces.map(told));
  });

  // `start` and `end` are hints, in microseconds by the book and in milliseconds by Grafana.
  routes.get("/traces/:traceID", async (c) => {
    const { tenant, signal } = asker(c);
    const trace = await jaeger.trace(tenant, parseTraceId(c.req.param("traceID")), signal);
    return trace === undefined ? failure(404, "trace not found") : data([told(trace)]);
  });

  routes.get("/dependencies", async (c) => {
    const { tenant, params, signal, nowMs } = asker(c);
    return data(await jaeger.dependencies(tenant, parseDependencyWindow(params, nowMs), signal));
  });

  routes.get("/metrics/:kind", () => failure(501, "metrics querying is currently disabled"));
  routes.post("/archive/:traceID", () => failure(501, "archive span storage is not configured"));

  routes.onError((error, c) => {
    const status = statusOf(error, c.req.raw.signal);
    if (status >= 500) runtime.log.error("request failed", { path: c.req.path, status, error });
    return failure(status, error.message);
  });
  return routes;
}

function told({ traceId, otlp, warnings }: FullTrace) {
  return jaegerTrace(traceId, otlp, warnings);
}

function data(all: readonly unknown[]): Response {
  return Response.json({ data: all, total: all.length, limit: 0, offset: 0, errors: null });
}

function failure(status: number, msg: string): Response {
  const errors = [{ code: status, msg }];
  return Response.json({ data: null, total: 0, limit: 0, offset: 0, errors }, { status });
}
