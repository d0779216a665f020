// Names and values of tags, for autocompletion.
import { Hono } from "hono";
import { nextTurn } from "../lib/waiting.ts";
import { respond } from "./answer_format.ts";
import { blockJobOf } from "./block_job.ts";
import type { ApiContext } from "./options.ts";
import { parseTagsParams, parseTagValuesParams, tagOfBareName } from "./tag_params.ts";
import { tagsAnswerV1, tagsAnswerV2, tagValuesAnswerV1, tagValuesAnswerV2 } from "./tag_answers.ts";
import { limitsOfQuery, tenantOf } from "./tenant.ts";

export function tagRoutes({ runtime, deps, options }: ApiContext): Hono {
  const callerOf = (request: Request) => {
    const tenant = tenantOf(request.headers, options);
    const bytesMax = limitsOfQuery(deps.limits, tenant).read.maxBytesPerTagValuesQuery;
    return { tenant, bytesMax, nowMs: runtime.clock.now() };
  };

  const tags = async (request: Request, form: typeof tagsAnswerV2) => {
    const { tenant, bytesMax, nowMs } = callerOf(request);
    const query = new URL(request.url).searchParams;
    const params = parseTagsParams(query, tenant, nowMs, options);
    const { scope } = params.request;
    const asked = { ...params.request, ...blockJobOf(request) };
    const answered = await deps.frontend.tags(asked, request.signal);
    const style = { scope, limit: params.limit, bytesMax };
    return respond(request.headers.get("Accept"), form(answered, style));
  };

  const values = async (request: Request, tag: string, form: typeof tagValuesAnswerV2) => {
    const query = new URL(request.url).searchParams;
    const params = {
      ...parseTagValuesParams(tag, query, callerOf(request), options),
      ...blockJobOf(request),
    };
    const answered = await deps.frontend.tagValues(params, request.signal);
    await nextTurn(); // there may be tens of thousands to write down
    return respond(request.headers.get("Accept"), form(answered));
  };

  // Greedy: a tag may hold slashes, and some clients do not escape them.
  return new Hono()
    .all("/search/tags", ({ req }) => tags(req.raw, tagsAnswerV1))
    .all("/v2/search/tags", ({ req }) => tags(req.raw, tagsAnswerV2))
    .all(
      "/search/tag/:tagName{.+}/values",
      ({ req }) =>
        values(req.raw, tagOfBareName(unescaped(req.param("tagName"))), tagValuesAnswerV1),
    )
    .all(
      "/v2/search/tag/:tagName{.+}/values",
      ({ req }) => values(req.raw, unescaped(req.param("tagName")), tagValuesAnswerV2),
    );
}

/** Some clients escape twice; a tag that still looks escaped is taken for such. */
function unescaped(tag: string): string {
  try {
    return decodeURIComponent(tag);
  } catch {
    return tag;
  }
}
