// How long requests took, by the route that answered them. Names and labels are the peer's, because
// dashboards enumerate by them.
import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { requestDuration } from "../lib/request_duration.ts";
import type { Runtime } from "../lib/runtime.ts";

export function observeRequests({ clock, metrics }: Runtime): MiddlewareHandler {
  const seconds = requestDuration(metrics);
  return async (c, next) => {
    const startMs = clock.monotonic();
    await next();
    // The index stays where the answer came from; a middleware's means that no route did.
    const { path } = matchedRoutes(c)[c.req.routeIndex]!;
    const route = path.endsWith("*") ? "other" : routeName(path);
    seconds
      .labels(c.req.method, route, String(c.res.status), "false")
      .observe((clock.monotonic() - startMs) / 1000);
  };
}

/** `/api/v2/search/tag/:tagName{.+}/values` is `api_v2_search_tag_tagname_values`. */
export function routeName(pattern: string): string {
  return pattern
    .replaceAll(/\{[^}]*\}/g, "")
    .replaceAll(/[/:.-]+/g, "_")
    .replaceAll(/^_+|_+$/g, "")
    .toLowerCase() || "root";
}
