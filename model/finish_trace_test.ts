import assert from "node:assert/strict";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { finishTrace, trimTrace } from "./finish_trace.ts";
import { tracesJson } from "./otlp_json.ts";

const id = (n: number) => new Uint8Array(8).fill(n);
const b64 = (n: number) => id(n).toBase64();
const CLIENT = 3, SERVER = 2;

// deno-lint-ignore no-explicit-any
function spansOf(bytes: Uint8Array): any[] {
  // deno-lint-ignore no-explicit-any
  const json = tracesJson(bytes) as any;
  // deno-lint-ignore no-explicit-any
  return json.resourceSpans.flatMap((r: any) => r.scopeSpans.flatMap((s: any) => s.spans));
}

const trace = (...spans: object[]) => encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

Deno.test("resource, scope and status are added where they are missing, and kept where not", () => {
  const finished = finishTrace(trace({ name: "a" }, { name: "b", status: { code: 2 } }));
  assert.deepEqual(tracesJson(finished), {
    resourceSpans: [{
      resource: {},
      scopeSpans: [{
        scope: {},
        spans: [{ name: "a", status: {} }, { name: "b", status: { code: "STATUS_CODE_ERROR" } }],
      }],
    }],
  });
  assert.deepEqual(tracesJson(finishTrace(finished)), tracesJson(finished));
});

Deno.test("a server span that shares its client's id gets its own, and its children follow", () => {
  const finished = finishTrace(trace(
    { spanId: id(5), parentSpanId: id(9), kind: CLIENT },
    { spanId: id(5), parentSpanId: id(9), kind: SERVER },
    { spanId: id(6), parentSpanId: id(5) },
    { spanId: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]) },
  ));
  const fresh = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 2]).toBase64();
  assert.deepEqual(spansOf(finished).map(({ spanId, parentSpanId }) => [spanId, parentSpanId]), [
    [b64(5), b64(9)],
    [fresh, b64(5)],
    [b64(6), fresh],
    [new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]).toBase64(), undefined],
  ]);
});

Deno.test("server spans of their own keep their ids", () => {
  const finished = finishTrace(trace(
    { spanId: id(1), kind: CLIENT },
    { spanId: id(2), parentSpanId: id(1), kind: SERVER },
  ));
  assert.deepEqual(spansOf(finished).map(({ spanId }) => spanId), [b64(1), b64(2)]);
});

Deno.test("trimming keeps the first spans that fit, never more bytes of them than allowed", () => {
  const whole = trace(...Array.from({ length: 50 }, (_, i) => ({ name: `span ${i}` })));
  let before = 0;
  for (let bytesMax = 1; bytesMax < whole.length + 100; bytesMax += 7) {
    const spans = bytesMax < 15 ? [] : spansOf(trimTrace(whole, bytesMax));
    assert.deepEqual(spans.map(({ name }) => name), spans.map((_, i) => `span ${i}`));
    assert.ok(spans.length >= before && spans.length * 10 <= bytesMax);
    before = spans.length;
  }
  assert.equal(before, 50);
});
