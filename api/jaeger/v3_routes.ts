// Jaeger's api_v3 over HTTP, which Jaeger's UI asks. Traces are OTLP in its own JSON.
import { type Context, Hono } from "hono";
import { GrpcCode } from "../../lib/grpc_status.ts";
import { statusOf } from "../errors.ts";
import type { ApiContext } from "../options.ts";
import { tenantOf } from "../tenant.ts";
import { parseTraceId } from "../trace_params.ts";
import { JaegerQuery } from "./jaeger_query.ts";
import { otlpJson } from "./otlp_dialect.ts";
import { parseV3Query } from "./v3_params.ts";
import { summaryJson, traceSummary } from "./v3_summary.ts";

/** Below `/api/v3`. */
export function jaegerV3Routes({ runtime, deps, options }: ApiContext): Hono {
  const jaeger = new JaegerQuery(deps.frontend);
  const asker = ({ req }: Context) => ({
    tenant: tenantOf(req.raw.headers, options),
    params: new URL(req.url).searchParams,
    signal: req.raw.signal,
  });
  const routes = new Hono();

  routes.get("/services", async (c) => {
    const { tenant, signal } = asker(c);
    return Response.json({ services: await jaeger.services(tenant, signal) });
  });

  routes.get("/operations", async (c) => {
    const { tenant, params, signal } = asker(c);
    const service = params.get("service") ?? "";
    if (service === "") return failure(400, "service is required");
    const spanKind = params.get("spanKind") ?? params.get("span_kind") ?? "";
    const operations = await jaeger.operations(tenant, service, spanKind.toLowerCase(), signal);
    return Response.json({ operations });
  });

  routes.get("/traces", async (c) => {
    const { tenant, params, signal } = asker(c);
    const traces = await jaeger.search(tenant, parseV3Query(params), signal);
    if (traces.length === 0) return failure(404, "No traces found");
    return Response.json({ result: otlpJson(traces.map(({ otlp }) => otlp)) });
  });

  routes.get("/traces/:traceID", async (c) => {
    const { tenant, signal } = asker(c);
    const trace = await jaeger.trace(tenant, parseTraceId(c.req.param("traceID")), signal);
    if (trace === undefined) return failure(404, "trace not found");
    return Response.json({ result: otlpJson([trace.otlp]) });
  });

  routes.get("/trace-summaries", async (c) => {
    const { tenant, params, signal } = asker(c);
    const traces = await jaeger.summaries(tenant, parseV3Query(params), signal);
    return Response.json({ summaries: traces.map(traceSummary).map(summaryJson) });
  });

  routes.onError((error, c) => {
    const status = statusOf(error, c.req.raw.signal);
    if (status >= 500) runtime.log.error("request failed", { path: c.req.path, status, error });
    return failure(status, error.message);
  });
  return routes;
}

const CODES: Readonly<Record<number, GrpcCode>> = {
  400: GrpcCode.InvalidArgument,
  401: GrpcCode.Unauthenticated,
  404: GrpcCode.NotFound,
  429: GrpcCode.ResourceExhausted,
  503: GrpcCode.Unavailable,
};

function failure(status: number, message: string): Response {
  const grpcCode = CODES[status] ?? GrpcCode.Internal;
  const httpStatus = status === 404 ? "Not Found" : status < 500 ? "Bad Request" : "Server Error";
  const error = { grpcCode, httpCode: status, message, httpStatus };
  return Response.json({ error }, { status });
}
