// The page at `/`: a search form and a way to everything else.
import { Hono } from "hono";

export function uiRoutes(): Hono {
  // Read once, at start: a missing page should show then.
  const page = Deno.readTextFileSync(new URL("../ui/index.html", import.meta.url));
  return new Hono().get("/", () =>
    new Response(page, {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'self' 'unsafe-inline'",
      },
    }));
}
