// A trace by its id.
import { Hono } from "hono";
import { respond } from "./answer_format.ts";
import type { ApiContext } from "./options.ts";
import { limitsOfQuery, tenantOf } from "./tenant.ts";
import { traceAnswerV1, traceAnswerV2 } from "./trace_answer.ts";
import { parseTraceFilter } from "./trace_filter.ts";
import { checkTraceParams, parseTraceId } from "./trace_params.ts";

export function traceRoutes({ deps, options }: ApiContext): Hono {
  const routes = new Hono();
  const find = (request: Request, idText: string) => {
    const tenant = tenantOf(request.headers, options);
    const traceId = parseTraceId(idText);
    const query = new URL(request.url).searchParams;
    checkTraceParams(query);
    return {
      bytesMax: limitsOfQuery(deps.limits, tenant).global.maxBytesPerTrace,
      query,
      found: () => deps.frontend.findTrace(tenant, traceId, request.signal),
    };
  };

  routes.all("/traces/:traceID", async ({ req }) => {
    const { bytesMax, found } = find(req.raw, req.param("traceID"));
    const trace = await found();
    if (trace === undefined) return new Response(null, { status: 404 });
    return respond(req.header("Accept") ?? null, traceAnswerV1(trace, bytesMax));
  });

  routes.all("/v2/traces/:traceID", async ({ req }) => {
    const { bytesMax, found, query } = find(req.raw, req.param("traceID"));
    const filter = parseTraceFilter(query, options.maxQueryBytes);
    const answer = await traceAnswerV2(await found(), bytesMax, filter, req.raw.signal);
    return respond(req.header("Accept") ?? null, answer);
  });
  return routes;
}
