import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { tracesJson } from "./otlp_json.ts";

const proto = protobuf.parse(`
syntax = "proto3";
message TracesData { repeated ResourceSpans resourceSpans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopeSpans = 2; string schemaUrl = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 droppedAttributesCount = 2; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schemaUrl = 3; }
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 droppedAttributesCount = 4; }
message Span {
  bytes traceId = 1; bytes spanId = 2; string traceState = 3; bytes parentSpanId = 4; string name = 5;
  enum Kind { SPAN_KIND_UNSPECIFIED = 0; SPAN_KIND_INTERNAL = 1; SPAN_KIND_SERVER = 2; SPAN_KIND_CLIENT = 3; SPAN_KIND_PRODUCER = 4; SPAN_KIND_CONSUMER = 5; }
  Kind kind = 6; fixed64 startTimeUnixNano = 7; fixed64 endTimeUnixNano = 8;
  repeated KeyValue attributes = 9; uint32 droppedAttributesCount = 10;
  repeated Event events = 11; uint32 droppedEventsCount = 12;
  repeated Link links = 13; uint32 droppedLinksCount = 14; Status status = 15; fixed32 flags = 16;
}
message Event { fixed64 timeUnixNano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 droppedAttributesCount = 4; }
message Link { bytes traceId = 1; bytes spanId = 2; string traceState = 3; repeated KeyValue attributes = 4; uint32 droppedAttributesCount = 5; fixed32 flags = 6; }
message Status { string message = 2; enum Code { STATUS_CODE_UNSET = 0; STATUS_CODE_OK = 1; STATUS_CODE_ERROR = 2; } Code code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string stringValue = 1; bool boolValue = 2; int64 intValue = 3; double doubleValue = 4; ArrayValue arrayValue = 5; KeyValueList kvlistValue = 6; bytes bytesValue = 7; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
`).root.lookupType("TracesData");

/** What protobufjs makes of the same bytes; proto3 writers leave zero scalars out, so it shows none. */
function slowTwin(bytes: Uint8Array): unknown {
  return proto.toObject(proto.decode(bytes), {
    longs: String,
    enums: String,
    bytes: String,
    json: true,
  });
}

Deno.test("random traces look as protobufjs shows them", () => {
  fc.assert(fc.property(traces, (data) => {
    const bytes = proto.encode(proto.fromObject(data)).finish();
    assert.deepEqual(JSON.parse(JSON.stringify(tracesJson(bytes))), asJson(slowTwin(bytes)));
  }));
});

Deno.test("zero scalars that were sent are left out, sent messages stay", () => {
  // span { kind 0, start 0, status {} } in scope {} in resource {}
  const span = [0x30, 0, 0x39, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 0];
  const scopeSpans = [0x0a, 0, 0x12, span.length, ...span];
  const resourceSpans = [0x0a, 0, 0x12, scopeSpans.length, ...scopeSpans];
  assert.deepEqual(
    tracesJson(new Uint8Array([0x0a, resourceSpans.length, ...resourceSpans]), "batches"),
    { batches: [{ resource: {}, scopeSpans: [{ scope: {}, spans: [{ status: {} }] }] }] },
  );
});

Deno.test("no bytes are an empty object", () => {
  assert.deepEqual(tracesJson(new Uint8Array()), {});
});

Deno.test("a truncated trace is refused", () => {
  assert.throws(() => tracesJson(new Uint8Array([0x0a, 5, 1])), { name: "ProtobufError" });
});

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value));

// Strings and numbers without zero: protobufjs writes zeros that were set.
const text = fc.string({ minLength: 1, maxLength: 8, unit: "binary" });
const count = fc.integer({ min: 1, max: 0xffffffff });
const nano = fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }).map(String);
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => b.toBase64());
const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(String);
const { pair } = fc.letrec<{ value: unknown; pair: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: "value" },
    fc.constant({}),
    fc.record({ stringValue: fc.string({ unit: "binary" }) }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 5 }).map((b) => b.toBase64()) }),
    fc.record({ arrayValue: fc.record({ values: list(tie("value")) }, { requiredKeys: [] }) }),
    fc.record({ kvlistValue: fc.record({ values: list(tie("pair")) }, { requiredKeys: [] }) }),
  ),
  pair: fc.record({ key: text, value: tie("value") }, { requiredKeys: [] }),
}));
function list<T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(of, { minLength: 1, maxLength: 3 });
}
const some = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { requiredKeys: [] });
const attributes = list(pair);
const span = some({
  traceId: bytes(16),
  spanId: bytes(8),
  traceState: text,
  parentSpanId: bytes(8),
  name: text,
  kind: fc.integer({ min: 1, max: 7 }),
  startTimeUnixNano: nano,
  endTimeUnixNano: nano,
  attributes,
  droppedAttributesCount: count,
  events: list(some({ timeUnixNano: nano, name: text, attributes, droppedAttributesCount: count })),
  droppedEventsCount: count,
  links: list(some({
    traceId: bytes(16),
    spanId: bytes(8),
    traceState: text,
    attributes,
    droppedAttributesCount: count,
    flags: count,
  })),
  droppedLinksCount: count,
  status: some({ message: text, code: fc.integer({ min: 1, max: 2 }) }),
  flags: count,
});
const traces = some({
  resourceSpans: list(some({
    resource: some({ attributes, droppedAttributesCount: count }),
    scopeSpans: list(some({
      scope: some({ name: text, version: text, attributes, droppedAttributesCount: count }),
      spans: list(span),
      schemaUrl: text,
    })),
    schemaUrl: text,
  })),
});
