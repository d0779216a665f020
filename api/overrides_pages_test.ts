import assert from "node:assert/strict";
import { createTestApi } from "../tests/support/test_api.ts";
import type { LimitsPages } from "./options.ts";

const limitsPages: LimitsPages = {
  defaults: (mode) => mode === "diff" ? { ingestion: { rate_limit_bytes: 7 } } : { all: true },
  tenants: () =>
    new Map([
      ["b<i>", { runtime: { ingestion: { rate_limit_bytes: 1 } } }],
      ["a", { runtime: {}, user: { forwarders: ["f"] } }],
    ]),
  limits: (tenant) => ({ of: tenant }),
  yaml: (value) => `yaml ${JSON.stringify(value)}\n`,
};
const JSON_WANTED = { Accept: "application/json" };

Deno.test("the page of overrides lists tenants and where they have limits from", async () => {
  const api = createTestApi({ overrides: limitsPages });
  const answer = await api.get("/status/overrides", JSON_WANTED);
  assert.deepEqual(await answer.json(), {
    tenants: [
      { tenant: "a", sources: ["runtime", "user-configurable"] },
      { tenant: "b<i>", sources: ["runtime"] },
    ],
  });
  const page = await api.get("/status/overrides");
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  const text = await page.text();
  assert.ok(text.includes('<a href="overrides/b%3Ci%3E">b&lt;i&gt;</a></td><td>runtime</td>'));
  assert.ok(!text.includes("<i>"), "what a tenant is called is text");
});

Deno.test("the page of a tenant tells both of its sources, and what is in effect", async () => {
  const api = createTestApi({ overrides: limitsPages });
  const own = await (await api.get("/status/overrides/a", JSON_WANTED)).json();
  assert.deepEqual(own, {
    tenant: "a",
    runtime: {},
    user: { forwarders: ["f"] },
    limits: { of: "a" },
  });
  const text = await (await api.get("/status/overrides/nobody")).text();
  assert.ok(text.includes("<h2>Runtime overrides</h2><pre>none</pre>"));
  assert.ok(text.includes("yaml {&quot;of&quot;:&quot;nobody&quot;}"));
});

Deno.test("the runtime configuration tells defaults and entries, or what differs", async () => {
  const api = createTestApi({ overrides: limitsPages });
  const page = async (query: string) =>
    await (await api.get(`/status/runtime_config${query}`)).text();
  const entries = '"b<i>":{"ingestion":{"rate_limit_bytes":1}},"a":{}';
  assert.equal(
    await page(""),
    `GET /status/runtime_config\n---\nyaml {"defaults":{"all":true},"overrides":{${entries}}}\n`,
  );
  assert.equal(
    await page("?mode=diff"),
    "GET /status/runtime_config\n---\n" +
      `yaml {"defaults":{"ingestion":{"rate_limit_bytes":7}},"overrides":{${entries}}}\n`,
  );
});
