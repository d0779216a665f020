// deno-lint-ignore-file house/no-ambient-world
// A server that is sent the golden load writes to its endpoint what was recorded of it, for eight tenants with
// different settings, and tells of itself on /metrics what was recorded there.
import assert from "node:assert/strict";
import { uncompressSync } from "snappy";

import type { NativeHistogram } from "../../generator/mod.ts";
import {
  assertGolden,
  GOLDEN_METRICS,
  goldenTenants,
  type MadeSeries,
  seriesName,
  T0_MS,
} from "../support/golden_generator.ts";
import { encodeOtlp, type Plain } from "../support/otlp.ts";
import { eventually } from "../support/query_client.ts";
import { writtenSeries } from "../support/series.ts";
import { ServerProcess } from "../support/server_process.ts";
import { sendOtlp } from "../support/some_trace.ts";

const COLLECT_MS = 1_000;
const WAIT_MS = 2_000;
const PREFIX = "tempo_metrics_generator_";
/** Patterns of names do not expire, and how many parts names have is nobody's concern. */
const NOT_HERE = ["registry_drain_patterns_expired_total", "registry_drain_tokens_per_line"];

/** The recorded instance lost this tenant's graph before any half had waited in vain, see assertGolden. */
const LOST_GRAPH = { name: `${PREFIX}processor_service_graphs_expired_edges`, tenant: "options" };

Deno.test("a server makes of the golden load what was recorded of it", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-generator-golden-" });
  try {
    await using endpoint = new Endpoint();
    await using server = await ServerProcess.start({
      dir,
      // In one partition, because the first to come have room where there is little.
      segno: "  partitions: 1",
      config: config(endpoint.url),
    });
    const tenants = await goldenTenants();
    const shiftMs = Date.now() - 2_000 - T0_MS;
    for (const trace of goldenLoad(shiftMs)) {
      for (const tenant of Object.keys(tenants)) {
        const { status, text } = await sendOtlp(server.otlpUrl, trace, { "X-Scope-OrgID": tenant });
        assert.equal(status, 200, text);
      }
    }
    for (const [tenant, golden] of Object.entries(tenants)) {
      const check = () => assertGolden(tenant, endpoint.seriesOf(tenant), golden);
      await eventually(() => Promise.resolve(failureOf(check)), (failure) => !failure, 20_000);
      check();
    }
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assertFamilies(metrics);
    assert.equal(await server.stop(), 0);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

function config(url: string): string {
  return `multitenancy_enabled: true
metrics_generator:
  instance_id: HOST
  registry: {collection_interval: ${COLLECT_MS}ms, external_labels: {cluster: golden}}
  processor: {service_graphs: {wait: ${WAIT_MS}ms}}
  storage:
    path: ./generator
    remote_write:
      - {url: "${url}", send_exemplars: true, send_native_histograms: true}
overrides:
  per_tenant_override_config: ${new URL("generator-overrides.yaml", GOLDEN_METRICS).pathname}
`;
}

/** Family by family, as far as the recorded ones are a generator's. */
function assertFamilies(text: string): void {
  const { families } = JSON.parse(
    Deno.readTextFileSync(new URL("exposition-generator.json", GOLDEN_METRICS)),
  );
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]),
  );
  for (const { name, type, labels } of families) {
    if (!name.startsWith(PREFIX) || NOT_HERE.includes(name.slice(PREFIX.length))) continue;
    assert.equal(types.get(name), type, name);
    for (const [label, values] of Object.entries<string[]>(labels)) {
      const told = new Set(
        [...text.matchAll(new RegExp(`^${name}{.*\\b${label}="([^"]*)"`, "gm"))].map(([, v]) => v!),
      );
      if (name === LOST_GRAPH.name) told.delete(LOST_GRAPH.tenant);
      assert.deepEqual([...told].sort(), values.toSorted(), `${name}: ${label}`);
    }
  }
}

/** A request for each trace, as if it had been made two seconds ago. */
function goldenLoad(shiftMs: number): Uint8Array[] {
  const later = (nano: string) => String(BigInt(nano) + BigInt(shiftMs) * 1_000_000n);
  const load: Plain[] = JSON.parse(
    Deno.readTextFileSync(new URL("generator.otlp.json", GOLDEN_METRICS)),
  );
  for (const { data } of load) {
    for (const span of spansOf(data)) {
      for (const id of ["traceId", "spanId", "parentSpanId"]) {
        if (span[id] !== undefined) span[id] = Uint8Array.fromHex(span[id]);
      }
      span.startTimeUnixNano = later(span.startTimeUnixNano);
      span.endTimeUnixNano = later(span.endTimeUnixNano);
    }
  }
  return load.map(({ data }) => encodeOtlp(data));
}

function spansOf({ resourceSpans }: Plain): Plain[] {
  return resourceSpans.flatMap(({ scopeSpans }: Plain) =>
    scopeSpans.flatMap(({ spans }: Plain) => spans)
  );
}

function failureOf(check: () => void): unknown {
  try {
    check();
  } catch (error) {
    return error;
  }
}

/** What is written to it, by tenant and series. */
class Endpoint implements AsyncDisposable {
  readonly #tenants = new Map<string, Map<string, MadeSeries>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const body = uncompressSync(new Uint8Array(await request.arrayBuffer()));
        this.#take(request.headers.get("x-scope-orgid") ?? "", body as Uint8Array);
        return new Response(null, { status: 204 });
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/push`;
  }

  seriesOf(tenant: string): ReadonlyMap<string, MadeSeries> {
    return this.#tenants.get(tenant) ?? new Map();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #take(tenant: string, body: Uint8Array): void {
    const all = this.#tenants.get(tenant) ?? new Map<string, MadeSeries>();
    this.#tenants.set(tenant, all);
    for (const { labels, samples, exemplars, histograms } of writtenSeries(body)) {
      const { __name__: name, ...others } = labels;
      const key = seriesName(name!, others);
      const firstMs = samples[0]?.timestamp ?? histograms[0]?.timestamp;
      const made: MadeSeries = all.get(key) ?? { values: [], exemplars: [], firstMs };
      all.set(key, made);
      made.values.push(...samples.map(({ value }) => value), ...histograms.map(nativeOf));
      for (const { labels, value } of exemplars) {
        const [[traceLabel, traceId]] = [Object.entries(labels)[0]!];
        made.exemplars.push({ traceLabel, traceId, value });
      }
    }
  }
}

function nativeOf(written: Plain): NativeHistogram {
  const side = (spans: Plain[], deltas: number[]) => ({ spans, deltas });
  return {
    schema: written.schema,
    count: written.count_int,
    sum: written.sum,
    zeroThreshold: written.zero_threshold,
    zeroCount: written.zero_count_int ?? 0,
    positive: side(written.positive_spans, written.positive_deltas),
    negative: side(written.negative_spans, written.negative_deltas),
    isReset: written.reset_hint !== 0,
  };
}
