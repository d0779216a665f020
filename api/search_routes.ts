// Search by TraceQL, or by tags as of old.
import { Hono } from "hono";
import { respond } from "./answer_format.ts";
import { blockJobOf } from "./block_job.ts";
import { explained } from "./explanation.ts";
import type { ApiContext } from "./options.ts";
import { CURSOR_HEADER, cursorAfter } from "./search_cursor.ts";
import { searchAnswer } from "./search_answer.ts";
import { parseSearchParams } from "./search_params.ts";
import { limitsOfQuery, tenantOf } from "./tenant.ts";

export function searchRoutes({ runtime, deps, options }: ApiContext): Hono {
  return new Hono().all("/search", async ({ req }) => {
    const tenant = tenantOf(req.raw.headers, options);
    const { read } = limitsOfQuery(deps.limits, tenant);
    const caller = { tenant, nowMs: runtime.clock.now(), ...read };
    const { request: asked, hasSpanSets } = parseSearchParams(
      new URL(req.url).searchParams,
      caller,
      options,
    );
    const request = { ...asked, ...blockJobOf(req.raw) };
    const answered = await deps.frontend.search(request, req.raw.signal);
    const style = { hasSpanSets, leftPadTraceIds: read.leftPadTraceIds };
    const forms = explained(searchAnswer(answered, style), request, answered);
    const response = respond(req.header("Accept") ?? null, forms);
    const { traces } = answered.answer;
    const isFull = request.page !== undefined && traces.length === request.limit;
    if (isFull) response.headers.set(CURSOR_HEADER, cursorAfter(traces.at(-1)!));
    return response;
  });
}
