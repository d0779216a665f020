// Where language models ask. The protocol's library is loaded with the first request: most processes
// never need it.
import { Hono } from "hono";
import { methodNotAllowed, notFound } from "./errors.ts";
import type { ApiContext } from "./options.ts";
import { tenantOf } from "./tenant.ts";

export function mcpRoutes(context: ApiContext): Hono {
  const { options } = context;
  return new Hono().all("/mcp", async ({ req }) => {
    if (!options.isMcpEnabled) return notFound();
    // A stream of its own has nothing to tell: all that is said answers a request.
    if (req.method !== "POST") return methodNotAllowed();
    const tenant = tenantOf(req.raw.headers, options);
    const { answerMcp } = await import("./mcp/mcp_server.ts");
    return await answerMcp(context, tenant, req.raw);
  });
}
