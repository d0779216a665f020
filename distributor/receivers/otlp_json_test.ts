import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../../lib/errors.ts";
import { decodeOtlp, encodeOtlp, type Plain, requests } from "../../tests/support/otlp.ts";
import { jsonToOtlp } from "./otlp_json.ts";

const encoder = new TextEncoder();
const fromText = (text: string) => jsonToOtlp(encoder.encode(text));
const fromJson = (value: unknown) => fromText(JSON.stringify(value));

/** A request as OTLP JSON has it; `choose` picks among the forms that mean the same. */
function toJson(plain: Plain, choose: () => boolean, key = ""): unknown {
  if (
    plain instanceof Uint8Array || key === "traceId" || key === "spanId" || key === "parentSpanId"
  ) {
    const bytes = Uint8Array.from(plain as Uint8Array);
    if (!key.endsWith("Id")) return bytes.toBase64({ alphabet: choose() ? "base64url" : "base64" });
    return choose() ? bytes.toHex() : bytes.toHex().toUpperCase();
  }
  if (typeof plain === "number" && key === "doubleValue" && !Number.isFinite(plain)) {
    return String(plain);
  }
  if (Object.is(plain, -0)) return { bare: "-0" }; // JSON.stringify forgets the sign
  if (key === "kind" && choose()) {
    return ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
      .map((name) => `SPAN_KIND_${name}`)[plain];
  }
  if (/(Nano|intValue)$/.test(key) && choose()) return { bare: String(plain) };
  if (Array.isArray(plain)) return plain.map((element) => toJson(element, choose));
  if (plain === null || typeof plain !== "object") return plain;
  return Object.fromEntries(
    Object.entries(plain).map(([key, value]) => [key, toJson(value, choose, key)]),
  );
}

Deno.test("any request in JSON becomes the bytes that mean the same", () => {
  fc.assert(
    fc.property(requests, fc.infiniteStream(fc.boolean()), (request, choices) => {
      const json = JSON.stringify(toJson(request, () => choices.next().value))
        .replaceAll(/\{"bare":"(-?\d+)"\}/g, "$1"); // numbers too long for a double
      const expected = decodeOtlp(encodeOtlp(request));
      for (const rs of expected.resourceSpans) {
        for (const ss of rs.scopeSpans) {
          for (const span of ss.spans) span.unknownToUs = ""; // not a field of OTLP
        }
      }
      assert.deepEqual(decodeOtlp(fromText(json)), expected);
    }),
    { numRuns: 200 },
  );
});

Deno.test("unknown and null fields are passed over, snake case is unknown", () => {
  const bytes = fromJson({ resource_spans: [1], other: {}, resourceSpans: null });
  assert.equal(bytes.length, 0);
  const [rs] = decodeOtlp(
    fromJson({ resourceSpans: [{ resource: null, schemaUrl: "s", instrumentation: 1 }] }),
  ).resourceSpans;
  assert.equal(rs.schemaUrl, "s");
});

Deno.test("zero members of a oneof are written: they say what the value is", () => {
  const values = [
    { intValue: "0" },
    { boolValue: false },
    { doubleValue: 0 },
    { stringValue: "" },
    { bytesValue: "" },
    { arrayValue: {} },
  ];
  const attributes = values.map((value, i) => ({ key: `k${i}`, value }));
  const [rs] =
    decodeOtlp(fromJson({ resourceSpans: [{ resource: { attributes } }] })).resourceSpans;
  assert.deepEqual(
    rs.resource.attributes.map(({ value }: Plain) => value.value),
    values.map((value) => Object.keys(value)[0]),
  );
});

const refusals: [unknown, string][] = [
  [[], "request: expected an object, found []"],
  [{ resourceSpans: {} }, "resourceSpans: expected a list, found {}"],
  [
    { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: "xy" }] }] }] },
    'resourceSpans[0].scopeSpans[0].spans[0].traceId: expected hex, found "xy"',
  ],
  [
    { resourceSpans: [{}, { scopeSpans: [{ spans: [{ kind: "SERVER" }] }] }] },
    "resourceSpans[1].scopeSpans[0].spans[0].kind: expected a number or a name like " +
    'SPAN_KIND_INTERNAL, found "SERVER"',
  ],
  [
    { resourceSpans: [{ scopeSpans: [{ spans: [{ startTimeUnixNano: "-1" }] }] }] },
    "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: expected an integer from 0 to " +
    '18446744073709551615, found "-1"',
  ],
  [
    { resourceSpans: [{ resource: { attributes: [{ key: "a", value: { intValue: 1.5 } }] } }] },
    "resourceSpans[0].resource.attributes[0].value.intValue: expected an integer from " +
    "-9223372036854775808 to 9223372036854775807, found 1.5",
  ],
  [
    { resourceSpans: [{ resource: { attributes: [{ key: 5 }] } }] },
    "resourceSpans[0].resource.attributes[0].key: expected a string, found 5",
  ],
  [
    { resourceSpans: [{ resource: { attributes: [{ value: { bytesValue: "!" } }] } }] },
    'resourceSpans[0].resource.attributes[0].value.bytesValue: expected base64, found "!"',
  ],
];

Deno.test("what does not fit is refused with its path", () => {
  for (const [json, message] of refusals) {
    assert.throws(() => fromJson(json), new InputError("invalid_argument", message));
  }
});

Deno.test("text that is not JSON, or not UTF-8, is refused", () => {
  const isMalformed = (error: Error) =>
    error instanceof InputError && error.message.startsWith("malformed JSON: ");
  for (const text of ["", "{", "nul"]) assert.throws(() => fromText(text), isMalformed);
  assert.throws(() => jsonToOtlp(new Uint8Array([0x22, 0xff, 0x22])), isMalformed);
});

Deno.test("values nested without end are refused, not followed", () => {
  const depth = 5000;
  const value = '{"arrayValue":{"values":['.repeat(depth) + "]}}".repeat(depth);
  const json = `{"resourceSpans":[{"resource":{"attributes":[{"value":${value}}]}}]}`;
  assert.throws(() => fromText(json), /nested more than 100 deep/);
});
