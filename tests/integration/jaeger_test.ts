// Jaeger's query API of the real process: below /jaeger on the HTTP port, and on a port of its own, with
// what Grafana's Jaeger data source and Jaeger's UI ask one after the other.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { encodeOtlp } from "../support/otlp.ts";
import { eventually } from "../support/query_client.ts";
import { freePorts, ServerProcess } from "../support/server_process.ts";
import { sendOtlp } from "../support/some_trace.ts";

const TRACES = 5;
const id = (n: number) => `${"a".repeat(30)}${String(n).padStart(2, "0")}`;

/** web calls cart twice, cart calls db once and fails. */
function aTrace(n: number) {
  const nowNanos = BigInt(systemClock.now()) * 1_000_000n;
  const span = (spanId: number, parent: number, name: string, kind: number, more = {}) => ({
    traceId: Uint8Array.fromHex(id(n)),
    spanId: new Uint8Array(8).fill(spanId),
    ...(parent === 0 ? {} : { parentSpanId: new Uint8Array(8).fill(parent) }),
    name,
    kind,
    startTimeUnixNano: String(nowNanos - 5_000_000n),
    endTimeUnixNano: String(nowNanos),
    ...more,
  });
  const of = (service: string, spans: object[]) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ scope: { name: "test" }, spans }],
  });
  const attributes = [{ key: "http.status_code", value: { intValue: String(500 + n) } }];
  return encodeOtlp({
    resourceSpans: [
      of("web", [span(1, 0, "GET /", 2)]),
      of("cart", [span(2, 1, "add", 2), span(3, 1, "list", 2, { attributes })]),
      of("db", [span(4, 3, "select", 2, { status: { code: 2 } })]),
    ],
  });
}

async function json(url: string) {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

Deno.test("Jaeger's clients find services, operations, traces and dependencies", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-jaeger-" });
  const jaegerPort = freePorts().http;
  try {
    await using server = await ServerProcess.start({
      dir,
      segno: `  jaeger_query: {endpoint: "127.0.0.1:${jaegerPort}"}`,
    });
    for (let n = 0; n < TRACES; n++) {
      assert.equal((await sendOtlp(server.otlpUrl, aTrace(n))).status, 200);
      if (n === 2) await (await fetch(`${server.url}/flush`, { method: "POST" })).body?.cancel();
    }
    for (const base of [`${server.url}/jaeger`, `http://127.0.0.1:${jaegerPort}`]) {
      const v1 = (path: string) => json(`${base}/api${path}`);
      const services = await eventually(() => v1("/services"), ({ data }) => data.length === 3);
      assert.deepEqual(services.data, ["cart", "db", "web"]);
      assert.deepEqual((await v1("/services/cart/operations")).data, ["add", "list"]);
      assert.deepEqual((await v1("/operations?service=web")).data, [
        { name: "GET /", spanKind: "server" },
      ]);

      const search = await eventually(
        () => v1("/traces?service=web&limit=20"),
        ({ data }) => data.length === TRACES,
      );
      const newest = search.data[0];
      assert.equal(newest.spans.length, 4);
      assert.equal(Object.keys(newest.processes).length, 3);
      const tags = encodeURIComponent('{"http.status_code":"503"}');
      const tagged = await v1(`/traces?service=cart&operation=list&tags=${tags}&limit=20`);
      assert.deepEqual(tagged.data.map(({ traceID }: { traceID: string }) => traceID), [id(3)]);
      const errors = await v1("/traces?service=db&tag=error:true&minDuration=1ms");
      assert.equal(errors.data.length, TRACES);
      const none = await v1("/traces?service=web&tag=error:true");
      assert.deepEqual(none.data, []);

      const { data: [trace] } = await v1(`/traces/${id(1)}`);
      assert.equal(trace.spans.length, 4);
      const missing = await fetch(`${base}/api/traces/${"b".repeat(32)}`);
      assert.equal(missing.status, 404);
      await missing.body?.cancel();

      const { data } = await v1("/dependencies");
      assert.deepEqual(sorted(data), [
        { parent: "cart", child: "db", callCount: TRACES },
        { parent: "web", child: "cart", callCount: 2 * TRACES },
      ]);

      const time = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
      const range = `query.startTimeMin=${time(systemClock.now() - 900_000)}` +
        `&query.startTimeMax=${time(systemClock.now() + 1000)}`;
      const { summaries } = await json(
        `${base}/api/v3/trace-summaries?query.serviceName=web&${range}`,
      );
      assert.equal(summaries.length, TRACES);
      const [{ rootServiceName, rootOperationName, spanCount, errorSpanCount }] = summaries;
      assert.deepEqual([rootServiceName, rootOperationName, spanCount, errorSpanCount], [
        "web",
        "GET /",
        4,
        1,
      ]);
      const { result } = await json(`${base}/api/v3/traces/${id(2)}`);
      assert.equal(result.resourceSpans[0].scopeSpans[0].spans[0].traceId, id(2));
    }
    assert.equal(await server.stop(), 0, server.lines.join("\n"));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

function sorted(dependencies: { parent: string }[]) {
  return dependencies.toSorted((a, b) => a.parent < b.parent ? -1 : 1);
}
