import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeOtlp, type Plain } from "../tests/support/otlp.ts";
import { type LlmSpan, llmTrace } from "./llm_trace.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const spanId = (n: number) => {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(4, n);
  return id;
};
const span = (n: number, parent: number, more: Plain = {}) => ({
  traceId: Uint8Array.fromHex(ID),
  spanId: spanId(n),
  ...(parent === 0 ? {} : { parentSpanId: spanId(parent) }),
  name: `span ${n}`,
  startTimeUnixNano: String(1_790_000_000_000_000_000n + BigInt(n) * 1_000_000n),
  endTimeUnixNano: String(1_790_000_000_000_000_000n + BigInt(n) * 1_000_000n + 500_000n),
  ...more,
});
const otlpOf = (spans: Plain[], service = "shop") => ({
  resource: { attributes: [text("service.name", service), text("host", "a")] },
  scopeSpans: [{ scope: {}, spans }],
});
const traceOf = (...resourceSpans: Plain[]) => encodeOtlp({ resourceSpans });

function all(spans: readonly LlmSpan[]): LlmSpan[] {
  const found: LlmSpan[] = [];
  for (const queue = [...spans]; queue.length > 0;) {
    const one = queue.pop()!;
    found.push(one);
    queue.push(...one.children ?? []);
  }
  return found;
}

Deno.test("spans stand below their parents, with plain values", () => {
  const attributes = [
    text("s", "x"),
    { key: "i", value: { intValue: "4" } },
    { key: "l", value: { arrayValue: { values: [{ boolValue: true }] } } },
  ];
  const events = [{ name: "boom", timeUnixNano: "1790000000003000000", attributes }];
  const more = { kind: 3, attributes, events, status: { code: 2, message: "no" } };
  const trace = llmTrace(
    traceOf(otlpOf([span(2, 1, more), span(1, 0)]), otlpOf([span(3, 9)], "db")),
  );
  const plain = { s: "x", i: 4, l: [true] };
  assert.deepEqual(trace, {
    traceId: ID,
    startTime: "2026-09-21T14:13:20.001Z",
    durationMs: 2.5,
    spanCount: 3,
    services: { shop: { host: "a" }, db: { host: "a" } },
    spans: [
      {
        spanId: "0000000000000001",
        service: "shop",
        name: "span 1",
        startMs: 0,
        durationMs: 0.5,
        children: [{
          spanId: "0000000000000002",
          service: "shop",
          name: "span 2",
          kind: "client",
          startMs: 1,
          durationMs: 0.5,
          status: "error",
          statusMessage: "no",
          attributes: plain,
          events: [{ name: "boom", atMs: 2, attributes: plain }],
        }],
      },
      {
        spanId: "0000000000000003",
        parentSpanId: "0000000000000009",
        service: "db",
        name: "span 3",
        startMs: 2,
        durationMs: 0.5,
      },
    ],
  });
  assert.deepEqual(llmTrace(new Uint8Array(0)), {});
});

Deno.test("every span is told once, whoever its parent is, and no deeper than can be read", () => {
  const links = fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 300 });
  fc.assert(fc.property(links, (parents) => {
    const trace = llmTrace(traceOf(otlpOf(parents.map((parent, i) => span(i + 1, parent)))));
    const told = all(trace.spans).map(({ name }) => name).sort();
    assert.deepEqual(told, parents.map((_, i) => `span ${i + 1}`).sort());
    assert.equal(trace.omittedSpanCount, undefined);
  }));
  const chain = Array.from({ length: 20_000 }, (_, i) => span(i + 1, i));
  const trace = llmTrace(traceOf(otlpOf(chain)));
  assert.equal(all(trace.spans).length, 20_000);
  JSON.parse(JSON.stringify(trace));
});

Deno.test("a trace that would be too large keeps what is near its root, and says what is missing", () => {
  const spans = Array.from({ length: 500 }, (_, i) => span(i + 1, Math.floor((i + 1) / 2)));
  for (const bytesMax of [0, 500, 5000, 20_000]) {
    const trace = llmTrace(traceOf(otlpOf(spans)), bytesMax);
    assert.ok(JSON.stringify(trace).length <= bytesMax * 1.2 + 300);
    const kept = all(trace.spans).length;
    assert.equal(trace.omittedSpanCount, 500 - kept);
    if (kept > 0) assert.equal(trace.spans[0]!.name, "span 1");
  }
});
