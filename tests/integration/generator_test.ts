// deno-lint-ignore-file house/no-ambient-world
// Metrics of traces, from spans that are sent to a server to what a real Prometheus answers; with everything in
// between killed.
import assert from "node:assert/strict";

import { PrometheusServer } from "../support/prometheus_server.ts";
import { eventually, metric } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { shopTrace } from "../support/shop_trace.ts";
import { skipped } from "../support/skipped.ts";
import { randomTraceId, sendOtlp } from "../support/some_trace.ts";

const WITHIN_MS = 30_000;

const isThere = await PrometheusServer.start()
  .then(async (server) => await server[Symbol.asyncDispose]().then(() => true))
  .catch(skipped("metrics from traces"));

if (isThere) {
  Deno.test("spans of two tenants become series, edges and exemplars of theirs in Prometheus", async () => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-generator-" });
    try {
      await using prometheus = await PrometheusServer.start();
      await using recorder = new Recorder();
      await using server = await ServerProcess.start({
        dir,
        config: config(prometheus, recorder.url),
      });
      const ids = await sendTraces(server, "acme", 20);
      await sendTraces(server, "wile", 7);
      await sendTraces(server, "nobody", 3);

      const calls = () => prometheus.counted("traces_spanmetrics_calls_total", "tenant");
      await eventually(calls, ({ acme, wile }) => acme === 60 && wile === 21, WITHIN_MS);
      assert.deepEqual(await calls(), { acme: 60, wile: 21 });

      // As Grafana asks for its service graph.
      const edge = `client="front",server="back",tenant="acme"`;
      const requests = () =>
        prometheus.counted(`traces_service_graph_request_total{${edge}}`, "server");
      await eventually(requests, ({ back }) => back === 20, WITHIN_MS);
      assert.deepEqual(await requests(), { back: 20 });
      // A sum begins without a zero, so that the first calls are none of its rate.
      ids.push(...await sendTraces(server, "acme", 20));
      await eventually(requests, ({ back }) => back === 40, WITHIN_MS);
      const graph = (name: string) =>
        prometheus.query(
          `sum by (client, server) (rate(traces_service_graph_${name}{${edge}}[5m]))`,
        );
      for (const name of ["request_server_seconds_sum", "request_total"]) {
        const [rate] = await eventually(
          () => graph(name),
          ([one]) => (one?.value ?? 0) > 0,
          WITHIN_MS,
        );
        assert.deepEqual(rate?.metric, { client: "front", server: "back" }, name);
        assert.ok(rate!.value > 0, name);
      }
      assert.deepEqual(await graph("request_failed_total"), [], "none failed");
      const types = await prometheus.query(
        `group by (client, connection_type, server) (traces_service_graph_request_total{${edge}})`,
      );
      assert.deepEqual(types.map(({ metric }) => metric), [{ client: "front", server: "back" }]);
      const p90 = await prometheus.query(
        "histogram_quantile(0.9, sum(rate(traces_service_graph_request_server_seconds_bucket" +
          `{${edge}}[5m])) by (le, client, server))`,
      );
      assert.ok(p90[0]!.value > 0.1 && p90[0]!.value <= 0.2, JSON.stringify(p90));

      const exemplars = await prometheus.exemplars(
        `traces_spanmetrics_latency_bucket{tenant="acme"}`,
      );
      assert.ok(exemplars.length > 0);
      for (const { traceID } of exemplars) assert.ok(ids.includes(traceID!), traceID);

      // The other endpoint: each tenant under its name, and with the headers it wants.
      assert.deepEqual([...recorder.tenants].sort(), ["acme", "wile"]);
      assert.equal(recorder.headersOf("acme")!.get("x-team"), "road");
      assert.equal(recorder.headersOf("wile")!.get("x-team"), null);
      assert.equal(recorder.headersOf("acme")!.get("authorization"), `Basic ${btoa("me:hush")}`);
      assert.equal(await metric(server.url, "prometheus_remote_storage_samples_failed_total"), 0);
      const ring = await (await fetch(`${server.url}/metrics-generator/ring`)).text();
      assert.match(ring, /ACTIVE/);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });

  Deno.test("server and Prometheus are killed under load, and every span is counted once", async () => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-generator-" });
    try {
      await using prometheus = await PrometheusServer.start();
      await using recorder = new Recorder();
      let server = await ServerProcess.start({ dir, config: config(prometheus, recorder.url) });
      const { ports } = server;
      let sent = 0;
      try {
        for (let round = 0; round < 3; round++) {
          sent += (await sendTraces(server, "acme", 15)).length;
          await server.kill();
          if (round === 1) {
            await prometheus.server.stop();
            await prometheus.server.restart();
          }
          server = await ServerProcess.start({
            dir,
            ports,
            config: config(prometheus, recorder.url),
          });
          sent += (await sendTraces(server, "acme", 5)).length;
          await prometheus.server.stop();
          sent += (await sendTraces(server, "acme", 5)).length;
          await new Promise((resolve) => setTimeout(resolve, 3_000)); // collections that cannot be sent
          await prometheus.server.restart();
        }
        const calls = () => prometheus.counted("traces_spanmetrics_calls_total", "tenant");
        await eventually(calls, ({ acme }) => (acme ?? 0) >= 3 * sent, WITHIN_MS);
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        assert.deepEqual(await calls(), { acme: 3 * sent });
        const buckets = () =>
          prometheus.counted(`traces_spanmetrics_latency_bucket{le="+Inf"}`, "tenant");
        assert.deepEqual(await buckets(), { acme: 3 * sent });
        const { acme: seconds } = await prometheus.counted(
          "traces_spanmetrics_latency_sum",
          "tenant",
        );
        assert.ok(Math.abs(seconds! - 0.65 * sent) < 1e-6, `${seconds} s of ${sent} traces`);
        assert.equal(await server.stop(), 0);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
}

function config(prometheus: PrometheusServer, recorderUrl: string): string {
  return `multitenancy_enabled: true
metrics_generator:
  registry: {collection_interval: 1s, inject_tenant_id_as: tenant}
  processor: {service_graphs: {wait: 2s}}
  storage:
    path: ./generator
    remote_write_flush_deadline: 5s
    remote_write:
      - {url: "${prometheus.writeUrl}", send_exemplars: true}
      - {url: "${recorderUrl}", basic_auth: {username: me, password: hush}}
overrides:
  per_tenant_override_config: ${overridesFile()}
`;
}

let overrides: string | undefined;

function overridesFile(): string {
  if (overrides === undefined) {
    overrides = Deno.makeTempFileSync({ prefix: "segno-generator-", suffix: ".yaml" });
    const processors = "processors: [span-metrics, service-graphs]";
    Deno.writeTextFileSync(
      overrides,
      `overrides: {
        acme: {metrics_generator: {${processors}, remote_write_headers: {X-Team: road}}},
        wile: {metrics_generator: {${processors}}}}`,
    );
    Deno.test.afterAll(() => Deno.removeSync(overrides!));
  }
  return overrides;
}

/** Those that were acknowledged. */
async function sendTraces(
  server: { otlpUrl: string },
  tenant: string,
  count: number,
): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const traceId = randomTraceId();
    const { status, text } = await sendOtlp(server.otlpUrl, shopTrace(traceId), {
      "X-Scope-OrgID": tenant,
    });
    assert.equal(status, 200, text);
    ids.push(traceId);
  }
  return ids;
}

/** An endpoint that takes everything and remembers who sent it. */
class Recorder implements AsyncDisposable {
  readonly #seen = new Map<string, Headers>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        await request.arrayBuffer();
        this.#seen.set(request.headers.get("x-scope-orgid") ?? "", request.headers);
        return new Response(null, { status: 204 });
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/push`;
  }

  get tenants(): Iterable<string> {
    return this.#seen.keys();
  }

  headersOf(tenant: string): Headers | undefined {
    return this.#seen.get(tenant);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
