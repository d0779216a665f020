// What operators and their machines ask: readiness, metrics, echo, version, flush, shutdown.
import { Hono } from "hono";
import { TEXT } from "./errors.ts";
import type { OpsContext } from "./options.ts";
import { ProcessMetrics } from "./process_metrics.ts";

/** Below the API prefix. */
export function echoRoutes({ deps }: OpsContext): Hono {
  return new Hono()
    .all("/echo", () => text("echo\n"))
    .all("/status/buildinfo", () => Response.json(deps.buildInfo));
}

export function opsRoutes({ runtime, deps }: OpsContext): Hono {
  const processMetrics = new ProcessMetrics(runtime, deps.buildInfo);
  const routes = new Hono()
    .all("/ready", () => {
      const [reason] = deps.readiness();
      return reason === undefined ? text("ready\n") : text(`${reason}\n`, 503);
    })
    .all("/metrics", async () => {
      processMetrics.refresh();
      return text(await deps.metricsText(), 200, "text/plain; version=0.0.4; charset=utf-8");
    });

  const { admin } = deps;
  if (admin === undefined) return routes;
  const shutdown = (request: Request) => {
    if (request.method !== "POST") return text("method not allowed\n", 405);
    admin.shutdown();
    return text("", 204);
  };
  return routes
    .all("/flush", async ({ req }) => {
      if (req.method !== "POST") return text("method not allowed\n", 405);
      await admin.flush();
      return text("", 204);
    })
    .all("/shutdown", ({ req }) => shutdown(req.raw))
    .all("/ingester/shutdown", ({ req }) => shutdown(req.raw));
}

export function text(body: string, status = 200, contentType = TEXT): Response {
  return new Response(status === 204 ? null : body, {
    status,
    headers: { "Content-Type": contentType, "X-Content-Type-Options": "nosniff" },
  });
}
