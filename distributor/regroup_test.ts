import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtobufError } from "../lib/protobuf_reader.ts";
import { indexRequest, RequestIndex } from "./regroup.ts";
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
      const index = indexRequest(bytes, Infinity);
      const traces = index.traces();
      assert.equal(index.refusal, undefined);
      assert.equal(index.spanCount, spansOf(plain).length);
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

const traceId = new Uint8Array(16).fill(1);
const spanId = new Uint8Array(8).fill(2);
const oneScope = (spans: Plain[]) => encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

const badSpans: [Plain, string, string][] = [
  [{ spanId }, "invalid_trace_id", "trace ids must be 128 bit, received 0 bits"],
  [
    { spanId, traceId: [1] },
    "invalid_trace_id",
    "trace ids must be 128 bit, received 8 bits",
  ],
  [
    { spanId, traceId: new Uint8Array(16) },
    "invalid_trace_id",
    "trace ids must be 128 bit, received 0 bits",
  ],
  [
    { spanId, traceId: new Uint8Array(17) },
    "invalid_trace_id",
    "trace ids must be 128 bit, received 136 bits",
  ],
  [
    { traceId },
    "invalid_span_id",
    "span ids must be 64 bit and not all zero, received 0 bits",
  ],
  [
    { traceId, spanId: [0, 0, 0, 0, 0, 0, 0, 0] },
    "invalid_span_id",
    "span ids must be 64 bit and not all zero, received 0 bits",
  ],
  [
    { traceId, spanId: [1, 2, 3, 4] },
    "invalid_span_id",
    "span ids must be 64 bit and not all zero, received 32 bits",
  ],
  [
    { traceId, spanId, parentSpanId: [1, 2, 3, 4] },
    "invalid_span_id",
    "parent span ids must be empty or 64 bit, received 32 bits",
  ],
  [
    { traceId, spanId, links: [{ traceId: [1], spanId }] },
    "invalid_trace_id",
    "trace ids of links must be 128 bit, received 8 bits",
  ],
  [
    { traceId, spanId, links: [{ traceId, spanId: [1] }] },
    "invalid_span_id",
    "span ids of links must be 64 bit, received 8 bits",
  ],
];

Deno.test("the first bad id refuses the request, and all its spans are counted", () => {
  for (const [bad, reason, message] of badSpans) {
    const good = { traceId, spanId, name: "good" };
    const index = indexRequest(oneScope([good, bad, { ...good, traceId: [] }]), Infinity);
    assert.deepEqual(index.refusal, { reason, message });
    assert.equal(index.spanCount, 3);
  }
});

Deno.test("an absent or empty parent and links without ids are no reason to refuse", () => {
  const parents = [{}, { parentSpanId: [] }, { parentSpanId: spanId }];
  const spans = parents.map((parent) => ({ traceId, spanId, ...parent, links: [{}] }));
  const index = indexRequest(oneScope(spans), Infinity);
  assert.equal(index.refusal, undefined);
  assert.equal(index.needsRewrite, false);
});

Deno.test("truncated request is refused as a whole", () => {
  fc.assert(fc.property(requests, fc.nat(), (request, at) => {
    const bytes = encodeOtlp(request);
    if (bytes.length === 0) return;
    const cut = bytes.slice(0, at % bytes.length);
    try {
      indexRequest(cut, 5).traces();
      decodeOtlp(cut); // a cut between two messages is a message
    } catch (error) {
      assert.ok(error instanceof ProtobufError, String(error));
    }
  }));
});

Deno.test("an index used again gives what a new one gives, also after a broken request", () => {
  const index = new RequestIndex();
  const described = ({ spanCount, refusal, needsRewrite }: RequestIndex) => ({
    spanCount,
    refusal,
    needsRewrite,
  });
  fc.assert(fc.property(requests, fc.nat(), fc.boolean(), (request, at, isCut) => {
    const bytes = encodeOtlp(request);
    const given = isCut ? bytes.slice(0, at % (bytes.length + 1)) : bytes;
    let fresh: RequestIndex;
    try {
      fresh = indexRequest(given, 20);
    } catch (error) {
      assert.throws(() => index.read(given, 20), error as Error);
      return;
    }
    index.read(given, 20);
    assert.deepEqual(described(index), described(fresh));
    assert.deepEqual(index.traces(), fresh.traces());
  }));
});
