// The page at `/`: a search form and a way to everything else.
import { Hono } from "hono";

/** `apiPath`: where the API is, for the page's own requests. */
export function uiRoutes(apiPath: string): Hono {
  // Read once, at start: a missing page should show then.
  const page = Deno.readTextFileSync(new URL("../ui/index.html", import.meta.url))
    .replaceAll("{{api}}", apiPath);
  return new Hono().get("/", () =>
    new Response(page, {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'self' 'unsafe-inline'",
      },
    }));
}
