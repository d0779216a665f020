import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtobufError } from "../lib/protobuf_reader.ts";
import { regroupByTrace } from "./regroup.ts";
import { decodeOtlp, encodeOtlp, type Plain, requests } from "../tests/support/otlp.ts";

/** The obvious way: decode, keep one trace's spans, drop what became empty. */
function onlyTrace(request: Plain, traceId: string): Plain {
  const resourceSpans = request.resourceSpans.map((rs: Plain) => ({
    ...rs,
    scopeSpans: rs.scopeSpans.map((ss: Plain) => ({
      ...ss,
      spans: ss.spans.filter((span: Plain) => hex(span.traceId) === traceId),
    })).filter((ss: Plain) => ss.spans.length > 0),
  })).filter((rs: Plain) => rs.scopeSpans.length > 0);
  return { ...request, resourceSpans };
}

const hex = (bytes: Uint8Array) => Uint8Array.from(bytes).toHex();
const spansOf = (request: Plain): Plain[] =>
  request.resourceSpans.flatMap((rs: Plain) => rs.scopeSpans.flatMap((ss: Plain) => ss.spans));

Deno.test("each trace gets its spans in order with their resource, scope and schema urls", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const bytes = encodeOtlp(request);
      const plain = decodeOtlp(bytes);
      const { traces, refusedSpans } = regroupByTrace(bytes);
      assert.equal(refusedSpans, 0);
      const ids = [...new Set(spansOf(plain).map((span) => hex(span.traceId)))];
      assert.deepEqual(traces.map((trace) => hex(trace.traceId)), ids);
      for (const trace of traces) {
        const expected = onlyTrace(plain, hex(trace.traceId));
        assert.deepEqual(decodeOtlp(trace.bytes), expected);
        assert.equal(trace.spanCount, spansOf(expected).length);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("span without a proper trace id is refused and the others pass", () => {
  const traceId = new Uint8Array(16).fill(1);
  const bad = [{}, { traceId: [1] }, { traceId: new Uint8Array(16) }, {
    traceId: new Uint8Array(17),
  }];
  const request = encodeOtlp({
    resourceSpans: [{ scopeSpans: [{ spans: [...bad, { traceId, name: "good" }] }] }],
  });
  const { traces, refusedSpans } = regroupByTrace(request);
  assert.equal(refusedSpans, 4);
  assert.deepEqual(traces.map((trace) => trace.spanCount), [1]);
});

Deno.test("truncated request is refused as a whole", () => {
  fc.assert(fc.property(requests, fc.nat(), (request, at) => {
    const bytes = encodeOtlp(request);
    if (bytes.length === 0) return;
    const cut = bytes.slice(0, at % bytes.length);
    try {
      regroupByTrace(cut);
      decodeOtlp(cut); // a cut between two messages is a message
    } catch (error) {
      assert.ok(error instanceof ProtobufError, String(error));
    }
  }));
});
