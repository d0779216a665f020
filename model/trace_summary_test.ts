import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeOtlp, type Plain, requests } from "../tests/support/otlp.ts";
import { defaultDedicated } from "./dedicated_attributes.ts";
import { OtlpDecoder } from "./otlp_decode.ts";
import { SpanColumns } from "./span_columns.ts";
import { layoutTraces } from "./trace_layout.ts";
import { summarizeTraces } from "./trace_summary.ts";

function summarized(request: Plain) {
  const columns = new SpanColumns(defaultDedicated);
  new OtlpDecoder(columns).decode(encodeOtlp(request));
  const layout = layoutTraces(columns);
  return { columns, layout, summaries: summarizeTraces(columns, layout) };
}

const nano = (words: Uint32Array, row: number) =>
  BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!);

Deno.test("times of a trace are its first start and last end, exact however absurd", () => {
  fc.assert(fc.property(requests, (request) => {
    const { layout, columns, summaries } = summarized(request);
    for (const [place, trace] of layout.traces.entries()) {
      const rows = Array.from({ length: columns.length }, (_, row) => row)
        .filter((row) => columns.trace[row] === trace);
      const starts = rows.map((row) => nano(columns.startUnixNano, row));
      const ends = rows.map((row) => columns.endNano(row));
      const least = starts.reduce((a, b) => a < b ? a : b);
      const most = ends.reduce((a, b) => a > b ? a : b);
      assert.equal(nano(summaries.startUnixNano, place), least);
      assert.equal(nano(summaries.endUnixNano, place), most);
    }
  }));
});

Deno.test("service stats count spans and errors, by name, each service once", () => {
  const traceId = new Uint8Array(16).fill(1);
  const of = (service: string, codes: number[]) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ spans: codes.map((code) => ({ traceId, status: { code } })) }],
  });
  const { columns, summaries } = summarized({
    resourceSpans: [of("b", [0, 2]), of("a", [1]), of("b", [2])],
  });
  const stats = Array.from({ length: summaries.statsStart[1]! }, (_, i) => [
    columns.strings.text(summaries.statsService[i]!),
    summaries.statsSpans[i],
    summaries.statsErrors[i],
  ]);
  assert.deepEqual(stats, [["a", 1, 0], ["b", 3, 2]]);
});

Deno.test("root is the last span without a parent, and a child_of link is a parent", () => {
  const traceId = new Uint8Array(16).fill(1);
  const link = (type: string, of = traceId) => ({
    traceId: of,
    attributes: [{ key: "opentracing.ref_type", value: { stringValue: type } }],
  });
  const rootOf = (...spans: Plain[]) => {
    const list = spans.map((span) => ({ traceId, ...span }));
    const { columns, summaries } = summarized({
      resourceSpans: [{ scopeSpans: [{ spans: list }] }],
    });
    return columns.strings.text(summaries.rootName[0]!);
  };
  const child = { name: "child", parentSpanId: new Uint8Array(8).fill(2) };
  assert.equal(rootOf({ name: "first" }, { name: "last" }, child), "last");
  assert.equal(rootOf(child), "");
  assert.equal(rootOf({ name: "a" }, { name: "b", links: [link("child_of")] }), "a");
  assert.equal(rootOf({ name: "a" }, { name: "b", links: [link("follows_from")] }), "b");
  const other = new Uint8Array(16).fill(9);
  assert.equal(rootOf({ name: "a" }, { name: "b", links: [link("child_of", other)] }), "b");
});
