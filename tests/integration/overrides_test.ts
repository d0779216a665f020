// Limits of tenants in a running process: the file changes, and what they may do changes with it.
import assert from "node:assert/strict";

import { eventually, metric } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { randomTraceId, sendOtlp, someTrace } from "../support/some_trace.ts";

const CONFIG = (file: string) => `
multitenancy_enabled: true
overrides:
  per_tenant_override_config: ${file}
  per_tenant_override_period: 1s
`;

const TOO_LARGE = 'tempo_discarded_spans_total{reason="trace_too_large",tenant="large"}';

Deno.test("limits of a tenant change with the file, without a restart, in every part of the process", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-overrides-" });
  const file = `${dir}/tenants.yaml`;
  try {
    Deno.writeTextFileSync(file, "overrides: {small: {ingestion: {rate_limit_bytes: 10}}}");
    await using server = await ServerProcess.start({ dir, config: CONFIG(file) });
    const push = async (tenant: string, traceId = randomTraceId()) =>
      await sendOtlp(server.otlpUrl, someTrace({ traceId }), { "X-Scope-OrgID": tenant });
    const find = async (tenant: string, traceId: string) => {
      const answer = await fetch(`${server.url}/api/traces/${traceId}`, {
        headers: { "X-Scope-OrgID": tenant },
      });
      await answer.body?.cancel();
      return answer.status;
    };
    const page = async (path: string) =>
      await (await fetch(`${server.url}${path}`, { headers: { Accept: "application/json" } }))
        .json();

    const refused = await push("small");
    assert.equal(refused.status, 429, refused.text);
    assert.match(refused.text, /burst: 10 bytes/, "no burst is as the rate");
    assert.equal((await push("large")).status, 200);

    Deno.writeTextFileSync(
      file,
      "overrides: {large: {global: {max_bytes_per_trace: 10}, read: {max_search_duration: 1m}}}",
    );
    const sent = await eventually(() => push("small"), ({ status }) => status === 200);
    assert.equal(sent.status, 200, "the defaults again");
    const isCut = await eventually(async () => {
      const traceId = randomTraceId();
      await push("large", traceId);
      return await metric(server.url, TOO_LARGE);
    }, (spans) => spans > 0);
    assert.ok(isCut > 0, "the worker of the partition has heard of it");
    const longSearch = await fetch(`${server.url}/api/search?q={}&start=1000&end=2000`, {
      headers: { "X-Scope-OrgID": "large" },
    });
    assert.match(await longSearch.text(), /range specified by start and end exceeds 1m0s/);
    assert.deepEqual((await page("/status/overrides")).tenants, [
      { tenant: "large", sources: ["runtime"] },
    ]);
    assert.deepEqual((await page("/status/overrides/large")).runtime, {
      global: { max_bytes_per_trace: 10 },
      read: { max_search_duration: "1m" },
    });

    Deno.writeTextFileSync(file, "overrides: {large: {globl: {}}}");
    const isGood = "tempo_runtime_config_last_reload_successful";
    assert.equal(await eventually(() => metric(server.url, isGood), (value) => value === 0), 0);
    assert.match(server.lines.join("\n"), /overrides\.large\.globl: unknown key/);
    const limits = (await page("/status/overrides/large")).limits;
    assert.equal(limits.global.max_bytes_per_trace, 10, "the former ones");

    Deno.writeTextFileSync(file, "overrides: {}");
    const traceId = await eventually(async () => {
      const id = randomTraceId();
      await push("large", id);
      return await find("large", id) === 200 ? id : "";
    }, (id) => id !== "");
    assert.notEqual(traceId, "");
    assert.equal(await metric(server.url, isGood), 1);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("what a tenant's user sets is kept, and is in effect after a restart", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-overrides-" });
  const config = `
overrides:
  user_configurable_overrides:
    enabled: true
    client: {backend: local, local: {path: ${dir}/users}}
`;
  try {
    let server = await ServerProcess.start({ dir, config });
    const ask = async (method: string, body?: unknown, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${server.url}/api/overrides`, {
        method,
        headers,
        ...body === undefined ? {} : { body: JSON.stringify(body) },
      });
      return { status: answer.status, tag: answer.headers.get("etag"), text: await answer.text() };
    };
    try {
      assert.equal((await ask("GET")).status, 404);
      const document = { metrics_generator: { processors: ["span-metrics"] } };
      const first = await ask("POST", document, { "If-Match": "0" });
      assert.equal(first.status, 200, first.text);
      assert.equal((await ask("POST", document, { "If-Match": "0" })).status, 412);
      assert.equal((await ask("PATCH", { forwarders: [7] })).status, 400);
      const second = await ask("PATCH", { metrics_generator: { collection_interval: "30s" } });
      assert.notEqual(second.tag, first.tag);
      await server.kill();
      server = await ServerProcess.start({ dir, config, ports: server.ports });
      assert.equal((await ask("GET")).tag, second.tag);
      const page = await fetch(`${server.url}/status/overrides/single-tenant`, {
        headers: { Accept: "application/json" },
      });
      const { limits, user } = await page.json();
      assert.deepEqual(user, {
        metrics_generator: { processors: ["span-metrics"], collection_interval: "30s" },
      });
      assert.equal(limits.metrics_generator.collection_interval, "30s");
      const gone = await ask("DELETE", undefined, { "If-Match": second.tag! });
      assert.equal(gone.status, 200, gone.text);
      assert.equal((await ask("GET")).status, 404);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("a runtime file that makes no sense keeps the process from starting, and is verified", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-overrides-" });
  const file = `${dir}/tenants.yaml`;
  try {
    Deno.writeTextFileSync(file, "overrides: {a: {max_bytes_per_trace: 1}}");
    await assert.rejects(
      ServerProcess.start({ dir, config: CONFIG(file) }),
      /tenants\.yaml:1:17: overrides\.a\.max_bytes_per_trace: unknown key \(now global/,
    );
    const args = ["-config.verify"];
    await assert.rejects(ServerProcess.start({ dir, config: CONFIG(file), args }), /ended with 1/);
    const legacy = `${CONFIG(file)}  enable_legacy_overrides: true\n`;
    await using server = await ServerProcess.start({ dir, config: legacy });
    assert.equal(
      await metric(server.url, 'tempo_limits_overrides{limit_name="max_bytes_per_trace",user="a"}'),
      1,
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
