import assert from "node:assert/strict";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { finishTrace, trimTrace } from "./finish_trace.ts";
import { tracesJson } from "./otlp_json.ts";

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
