// TraceQL metrics, over a range and for an instant.
import { Hono } from "hono";
import { nextTurn } from "../lib/waiting.ts";
import { finishMetrics } from "../query/engine/mod.ts";
import { respond, respondInTurns } from "./answer_format.ts";
import { metricsInstantAnswer, metricsRangeAnswer } from "./metrics_answer.ts";
import { blockJobOf } from "./block_job.ts";
import { explained } from "./explanation.ts";
import { parseMetricsParams } from "./metrics_params.ts";
import type { ApiContext } from "./options.ts";
import { limitsOfQuery, tenantOf } from "./tenant.ts";

export function metricsRoutes({ runtime, deps, options }: ApiContext): Hono {
  const ask = async (request: Request, isInstant: boolean) => {
    const tenant = tenantOf(request.headers, options);
    const { read } = limitsOfQuery(deps.limits, tenant);
    const caller = { tenant, nowMs: runtime.clock.now(), ...read };
    const query = new URL(request.url).searchParams;
    const params = {
      ...parseMetricsParams(query, caller, options, isInstant),
      ...blockJobOf(request),
    };
    const answered = await deps.frontend.metrics(params, request.signal);
    // A turn each, for other requests wait: merging, finishing and writing down take as long as each other.
    await nextTurn();
    const result = finishMetrics(params, answered.answer);
    await nextTurn();
    if (isInstant) return explained(metricsInstantAnswer(result, answered), params, answered);
    return explained(metricsRangeAnswer(result, answered), params, answered);
  };

  return new Hono()
    .all("/metrics/query_range", async ({ req }) => {
      const forms = await ask(req.raw, false);
      return await respondInTurns(req.header("Accept") ?? null, forms, nextTurn);
    })
    .all("/metrics/query", async ({ req }) => {
      return respond(null, await ask(req.raw, true)); // JSON, whatever is accepted
    });
}
