// Pages about tenants' limits: who has their own, and what one tenant has; HTML for people, JSON for
// those who ask for it.
import { Hono } from "hono";
import { escaped, page, wantsJson } from "./html_page.ts";
import type { OpsContext, TenantOverrides } from "./options.ts";

export function overridesPages({ deps }: OpsContext): Hono {
  const { overrides } = deps;
  return new Hono()
    .all("/status/overrides", ({ req }) => {
      const tenants = [...overrides.tenants()].map(([tenant, { runtime, user }]) => ({
        tenant,
        sources: [
          ...runtime === undefined ? [] : ["runtime"],
          ...user === undefined ? [] : ["user-configurable"],
        ],
      })).sort((a, b) => a.tenant < b.tenant ? -1 : 1);
      if (wantsJson(req.header("Accept"))) return Response.json({ tenants });
      const rows = tenants.map(({ tenant, sources }) =>
        `<tr><td><a href="overrides/${encodeURIComponent(tenant)}">${escaped(tenant)}</a></td>` +
        `<td>${sources.join(", ")}</td></tr>`
      );
      const table = rows.length === 0
        ? "<p>No tenant has limits of its own.</p>"
        : `<table><tr><th>Tenant</th><th>Overrides</th></tr>${rows.join("")}</table>`;
      return page("Overrides", `${table}<h2>Defaults</h2>${yaml(overrides.defaults("full"))}`);
    })
    .all("/status/overrides/:tenant", ({ req }) => {
      const tenant = req.param("tenant");
      const own: TenantOverrides = overrides.tenants().get(tenant) ?? {};
      const { runtime, user } = own;
      const limits = overrides.limits(tenant);
      if (wantsJson(req.header("Accept"))) return Response.json({ tenant, runtime, user, limits });
      return page(
        `Overrides of ${tenant}`,
        `<h2>Runtime overrides</h2>${yaml(runtime)}` +
          `<h2>User-configurable overrides</h2>${yaml(user)}` +
          `<h2>In effect</h2>${yaml(limits)}`,
      );
    });

  function yaml(value: unknown): string {
    return `<pre>${value === undefined ? "none" : escaped(overrides.yaml(value))}</pre>`;
  }
}
