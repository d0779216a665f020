// Recorded answers of the peer: the same requests must be answered the same way.
// deno-lint-ignore-file no-explicit-any
import assert from "node:assert/strict";
import { foundTrace } from "../tests/support/fake_frontend.ts";
import { foundTraces, type Recording, recordings } from "../tests/support/golden_http.ts";
import { eachBody } from "../lib/protobuf_fields.ts";
import { tracesJson } from "../model/otlp_json.ts";
import { createTestApi, type TestApi } from "../tests/support/test_api.ts";

Deno.test("refused searches get the recorded status and words", async (t) => {
  const api = createTestApi();
  for (const recorded of await recordings("search-errors.jsonl")) {
    await t.step(recorded.name, async () => {
      const response = await api.get(recorded.path);
      assert.equal(response.status, recorded.status);
      const body = await response.text();
      if (recorded.status !== 200) {
        assert.equal(body, recorded.body);
        assert.equal(
          response.headers.get("Content-Type"),
          recorded.response_headers["content-type"],
        );
      }
    });
  }
});

// The recorded answers are about traces that a receiver took in, ours about traces as they were sent:
// it cuts long attributes, drops zero parents and empty containers, merges scopes, refuses short ids.
const CHANGED_BY_RECEIVER = [
  ...["long-values", "custom-ded", "zero-parent-bytes", "empty-containers", "scopes"],
  "short-parent",
];
const GROUPS = ["v1-json", "v2-json", "v1-protobuf", "v2-protobuf", "ids", "accept", "method"];

Deno.test("traces by id are answered as recorded", async (t) => {
  const api = createTestApi();
  for (const [id, otlp] of await foundTraces()) {
    api.frontend.traces.set(`single-tenant/${id}`, foundTrace(otlp));
  }
  let compared = 0;
  for (const recorded of await recordings("trace-by-id.jsonl.gz")) {
    if (!GROUPS.includes(recorded.group) || CHANGED_BY_RECEIVER.includes(recorded.name)) continue;
    if (recorded.status === 500) continue; // a fault of the peer, not to be repeated
    compared++;
    await t.step(`${recorded.group} ${recorded.name}`, () => sameTrace(api, recorded));
  }
  assert.ok(compared > 100, `${compared} compared`);
});

async function sameTrace(api: TestApi, recorded: Recording): Promise<void> {
  const response = await api.send(recorded.method, recorded.path, recorded.headers);
  assert.equal(response.status, recorded.status);
  if (response.status !== 200) return assert.equal(await response.text(), recorded.body ?? "");
  const type = response.headers.get("Content-Type");
  assert.equal(type, recorded.response_headers["content-type"]);
  const expected = recorded.body_base64 === undefined
    ? JSON.parse(recorded.body!)
    : protobufTrace(Uint8Array.fromBase64(recorded.body_base64), recorded.path);
  const actual = type === "application/protobuf"
    ? protobufTrace(await response.bytes(), recorded.path)
    : await response.json();
  assert.deepEqual(asSets(actual), asSets(expected));
}

/** The trace in a protobuf body, as JSON. */
function protobufTrace(body: Uint8Array, path: string): any {
  if (!path.startsWith("/api/v2")) return tracesJson(body);
  let trace: any;
  eachBody(body, 1, (bytes) => trace = tracesJson(bytes));
  return trace;
}

/** Without metrics, and lists in one order; spans of equal resource and scope may be parted anyhow. */
function asSets(answer: any): any {
  const trace = answer.trace ?? answer;
  const spans = (trace.resourceSpans ?? trace.batches ?? []).flatMap((resourceSpans: any) =>
    resourceSpans.scopeSpans.flatMap((scopeSpans: any) =>
      scopeSpans.spans.map((span: any) => ({
        resource: resourceSpans.resource,
        scope: scopeSpans.scope,
        span,
      }))
    )
  );
  return { status: answer.status, message: answer.message, spans: sorted(spans) };
}

/** Every list of objects below `value` sorted by its JSON. */
function sorted(value: any): any {
  if (Array.isArray(value)) {
    return value.map(sorted).map((one) => [JSON.stringify(one), one])
      .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, one]) => one);
  }
  if (Object.is(value, -0)) return 0; // JSON.stringify writes both as 0
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)]),
  );
}
