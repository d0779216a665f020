// A trace by its id.
import { Hono } from "hono";
import { respond } from "./answer_format.ts";
import { methodNotAllowed } from "./errors.ts";
import type { ApiContext } from "./options.ts";
import { limitsOfQuery, tenantOf } from "./tenant.ts";
import { traceAnswerV1, traceAnswerV2, wholeTrace } from "./trace_answer.ts";
import { traceDiff } from "./trace_diff_summary.ts";
import { type DiffSideParams, parseDiffParams } from "./trace_diff_params.ts";
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

  routes.all("/v2/traces/diff", async ({ req }) => {
    if (req.method !== "POST") return methodNotAllowed();
    const tenant = tenantOf(req.raw.headers, options);
    const bytesMax = limitsOfQuery(deps.limits, tenant).global.maxBytesPerTrace;
    const whole = async (side: DiffSideParams) => {
      const found = await deps.frontend.findTrace(tenant, side.traceId, req.raw.signal);
      return wholeTrace(found, bytesMax);
    };
    const { base, compare, format } = parseDiffParams(await req.raw.text());
    const [a, b] = await Promise.all([whole(base), whole(compare)]);
    return Response.json(traceDiff(a, b, format));
  });

  routes.all("/v2/traces/:traceID", async ({ req }) => {
    const { bytesMax, found, query } = find(req.raw, req.param("traceID"));
    const filter = parseTraceFilter(query, options.maxQueryBytes);
    const answer = await traceAnswerV2(await found(), bytesMax, filter, req.raw.signal);
    return respond(req.header("Accept") ?? null, answer);
  });

  return routes;
}
