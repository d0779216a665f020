// Jaeger's query API over HTTP, of old and v3, as one group of routes.
import { Hono } from "hono";
import type { ApiContext } from "../options.ts";
import { jaegerV1Routes } from "./v1_routes.ts";
import { jaegerV3Routes } from "./v3_routes.ts";

export function jaegerRoutes(context: ApiContext): Hono {
  return new Hono()
    .route("/api/v3", jaegerV3Routes(context))
    .route("/api", jaegerV1Routes(context));
}
