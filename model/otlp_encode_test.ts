import assert from "node:assert/strict";
import fc from "fast-check";
import { describeSpans } from "../tests/support/describe.ts";
import { allGoldenTraces } from "../tests/support/golden_traces.ts";
import { decodeOtlp, encodeOtlp, requests } from "../tests/support/otlp.ts";
import { defaultDedicated } from "./dedicated_attributes.ts";
import { OtlpDecoder } from "./otlp_decode.ts";
import { encodeTraces } from "./otlp_encode.ts";
import { SpanColumns } from "./span_columns.ts";

function decoded(message: Uint8Array): SpanColumns {
  const columns = new SpanColumns(defaultDedicated);
  new OtlpDecoder(columns, { keepsZeroParents: true }).decode(message);
  return columns;
}

Deno.test("what was decoded and encoded says the same again", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const columns = decoded(encodeOtlp(request));
      const again = decoded(encodeTraces(columns));
      assert.deepEqual(describeSpans(again), describeSpans(columns));
      for (let row = 0; row < columns.length; row++) {
        assert.equal(again.endNano(row), columns.endNano(row));
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("golden traces keep ids and times to the bit, however odd", () => {
  for (const { name, message } of allGoldenTraces()) {
    const before = told(message);
    assert.deepEqual(told(encodeTraces(decoded(message))), before, name);
  }
});

/** Ids and times of all spans, by another decoder. */
function told(message: Uint8Array): string[] {
  const spans: string[] = [];
  for (const { scopeSpans } of decodeOtlp(message).resourceSpans) {
    for (const scope of scopeSpans) {
      for (const span of scope.spans) {
        const ids = [span.traceId, span.spanId, span.parentSpanId].map((id: Uint8Array) =>
          Uint8Array.from(id).toHex()
        );
        spans.push([...ids, span.startTimeUnixNano, span.endTimeUnixNano].join(" "));
      }
    }
  }
  return spans;
}

Deno.test("columns emptied and filled again are not mixed up with what they held before", () => {
  fc.assert(
    fc.property(requests, requests, fc.boolean(), (first, second, byColumns) => {
      const columns = new SpanColumns(defaultDedicated);
      const decoder = new OtlpDecoder(columns);
      decoder.decode(encodeOtlp(first));
      // The decoder must notice either way.
      if (byColumns) columns.clear();
      else decoder.reset();
      assert.equal(columns.length, 0);
      const fresh = new SpanColumns(defaultDedicated);
      const freshDecoder = new OtlpDecoder(fresh);
      // What was known before comes again, after other things.
      for (const request of [second, first]) {
        decoder.decode(encodeOtlp(request));
        freshDecoder.decode(encodeOtlp(request));
      }
      assert.deepEqual(describeSpans(columns), describeSpans(fresh));
      assert.equal(columns.strings.size, fresh.strings.size);
      assert.equal(columns.resources.length, fresh.resources.length);
      assert.equal(columns.scopes.length, fresh.scopes.length);
      assert.equal(columns.sizeBytes, fresh.sizeBytes);
    }),
    { numRuns: 100 },
  );
});
