import assert from "node:assert/strict";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { otlpJson } from "./otlp_dialect.ts";
import { jaegerTrace, NO_SERVICE } from "./v1_model.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const id = (n: number) => new Uint8Array(8).fill(n);
const hex = (n: number) => id(n).toHex();
const traceId = Uint8Array.fromHex(TRACE);
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

const everything = encodeOtlp({
  resourceSpans: [
    {
      resource: { attributes: [text("service.name", "shop"), text("host.name", "a1")] },
      scopeSpans: [{
        scope: { name: "http-lib", version: "1.2" },
        spans: [{
          traceId,
          spanId: id(2),
          parentSpanId: id(1),
          traceState: "k=v",
          name: "GET /cart",
          kind: 2,
          startTimeUnixNano: "1790000000123456789",
          endTimeUnixNano: "1790000000223457788",
          attributes: [
            text("s", "x"),
            { key: "b", value: { boolValue: false } },
            { key: "i", value: { intValue: "42" } },
            { key: "big", value: { intValue: "9007199254740993" } },
            { key: "d", value: { doubleValue: 0.5 } },
            { key: "bytes", value: { bytesValue: Uint8Array.of(1, 2, 255) } },
            {
              key: "list",
              value: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "z" }] } },
            },
            { key: "map", value: { kvlistValue: { values: [text("k", "v")] } } },
            { key: "none" },
          ],
          events: [
            {
              timeUnixNano: "1790000000200000999",
              name: "exception",
              attributes: [text("exception.type", "IOError")],
            },
            {
              timeUnixNano: "1790000000200001000",
              name: "named otherwise",
              attributes: [text("event", "log")],
            },
          ],
          links: [
            { traceId, spanId: id(7) },
            { traceId, spanId: id(8), attributes: [text("opentracing.ref_type", "child_of")] },
          ],
          status: { code: 2, message: "boom" },
        }],
      }],
    },
    {
      resource: { attributes: [text("service.name", "shop"), text("host.name", "a1")] },
      scopeSpans: [{ spans: [{ traceId, spanId: id(1), name: "root", status: { code: 1 } }] }],
    },
    {
      resource: {},
      scopeSpans: [{
        spans: [{
          traceId,
          spanId: id(3),
          parentSpanId: id(0),
          startTimeUnixNano: "2000",
          endTimeUnixNano: "1000",
        }],
      }],
    },
  ],
});

Deno.test("a span of OTLP becomes one of Jaeger", () => {
  const { traceID, spans, processes, warnings } = jaegerTrace(TRACE, everything, []);
  assert.deepEqual([traceID, warnings], [TRACE, null]);
  const tag = (key: string, type: string, value: unknown) => ({ key, type, value });
  assert.deepEqual(spans[0], {
    traceID: TRACE,
    spanID: hex(2),
    operationName: "GET /cart",
    references: [
      { refType: "CHILD_OF", traceID: TRACE, spanID: hex(1) },
      { refType: "FOLLOWS_FROM", traceID: TRACE, spanID: hex(7) },
      { refType: "CHILD_OF", traceID: TRACE, spanID: hex(8) },
    ],
    startTime: 1790000000123456,
    duration: 100000,
    tags: [
      tag("s", "string", "x"),
      tag("b", "bool", false),
      tag("i", "int64", 42),
      tag("big", "int64", "9007199254740993"),
      tag("d", "float64", 0.5),
      tag("bytes", "binary", "AQL/"),
      tag("list", "string", '[1,"z"]'),
      tag("map", "string", '{"k":"v"}'),
      tag("none", "string", ""),
      tag("otel.scope.name", "string", "http-lib"),
      tag("otel.scope.version", "string", "1.2"),
      tag("span.kind", "string", "server"),
      tag("otel.status_code", "string", "ERROR"),
      tag("error", "bool", true),
      tag("otel.status_description", "string", "boom"),
      tag("w3c.tracestate", "string", "k=v"),
    ],
    logs: [
      {
        timestamp: 1790000000200000,
        fields: [tag("event", "string", "exception"), tag("exception.type", "string", "IOError")],
      },
      { timestamp: 1790000000200001, fields: [tag("event", "string", "log")] },
    ],
    processID: "p1",
    warnings: null,
  });
  assert.deepEqual(processes, {
    p1: { serviceName: "shop", tags: [tag("host.name", "string", "a1")] },
    p2: { serviceName: NO_SERVICE, tags: [] },
  });
});

Deno.test("equal resources are one process, and odd times do not go below nothing", () => {
  const { spans } = jaegerTrace(TRACE, everything, []);
  assert.deepEqual(spans.map(({ processID }) => processID), ["p1", "p1", "p2"]);
  assert.deepEqual(spans[2]!.references, []);
  assert.deepEqual([spans[2]!.startTime, spans[2]!.duration], [2, 0]);
  assert.deepEqual(spans[1]!.tags.map(({ key }) => key), ["otel.status_code"]);
});

Deno.test("what is not whole about a trace is a warning", () => {
  assert.deepEqual(jaegerTrace(TRACE, everything, ["a block is gone"]).warnings, [
    "a block is gone",
  ]);
});

Deno.test("OTLP's own JSON has ids in hex and enums as numbers, values untouched", () => {
  const [first] = otlpJson([everything]).resourceSpans as [Record<string, unknown>];
  const [scopeSpans] = first.scopeSpans as [{ spans: Record<string, unknown>[] }];
  const [span] = scopeSpans.spans;
  assert.deepEqual([span!.traceId, span!.spanId, span!.parentSpanId, span!.kind], [
    TRACE,
    hex(2),
    hex(1),
    2,
  ]);
  assert.deepEqual(span!.status, { code: 2, message: "boom" });
  assert.equal(span!.startTimeUnixNano, "1790000000123456789");
  const attributes = span!.attributes as { key: string; value: object }[];
  assert.deepEqual(attributes[2], { key: "i", value: { intValue: "42" } });
  assert.equal((span!.links as { spanId: string }[])[0]!.spanId, hex(7));
  const tricky = encodeOtlp({
    resourceSpans: [{
      resource: {
        attributes: [{ key: "kind", value: { kvlistValue: { values: [text("code", "c")] } } }],
      },
      scopeSpans: [],
    }],
  });
  const [told] = otlpJson([tricky]).resourceSpans as [{ resource: unknown }];
  assert.deepEqual(told.resource, {
    attributes: [{ key: "kind", value: { kvlistValue: { values: [text("code", "c")] } } }],
  });
});
