import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultDedicated } from "./dedicated_attributes.ts";
import { OtlpDecoder } from "./otlp_decode.ts";
import { ProtobufError } from "../lib/protobuf_reader.ts";
import { SpanColumns } from "./span_columns.ts";
import { describePlain, describeSpans } from "../tests/support/describe.ts";
import { decodeOtlp, encodeOtlp, requests, traceIds } from "../tests/support/otlp.ts";

const dedicatedKeys = { "http.method": "s", "http.status_code": "i" };

function decoded(...messages: Uint8Array[]): SpanColumns {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const message of messages) decoder.decode(message);
  return columns;
}

Deno.test("decoder says what protobufjs says, over several messages", () => {
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 3 }), (list) => {
      const messages = list.map(encodeOtlp);
      const expected = messages.flatMap((m) => describePlain(decodeOtlp(m), dedicatedKeys));
      assert.deepEqual(describeSpans(decoded(...messages)), expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("damaged message is refused whole, and the next one is decoded as if nothing happened", () => {
  const damage = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.boolean() });
  fc.assert(
    fc.property(requests, requests, damage, (first, second, { at, byte, cut }) => {
      const columns = new SpanColumns(defaultDedicated);
      const decoder = new OtlpDecoder(columns);
      const whole = encodeOtlp(first);
      if (whole.length === 0) return;
      const damaged = cut ? whole.slice(0, at % whole.length) : whole.slice();
      if (!cut) damaged[at % whole.length] = byte;
      let before = 0;
      try {
        decoder.decode(damaged);
        before = columns.length; // damage may still be a message
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
        assert.equal(columns.length, 0);
      }
      const next = encodeOtlp(second);
      decoder.decode(next);
      assert.deepEqual(
        describeSpans(columns).slice(before),
        describePlain(decodeOtlp(next), dedicatedKeys),
      );
    }),
    { numRuns: 1000 },
  );
});

Deno.test("decoder pads short ids, reads missing ids as zero and refuses long ones", () => {
  const one = (span: object) =>
    encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const short = describeSpans(decoded(one({ traceId: [7], spanId: [8] })))[0];
  assert.equal(short.traceId, "07".padStart(32, "0"));
  assert.equal(short.spanId, "08".padStart(16, "0"));
  const none = describeSpans(decoded(one({ name: "x" })))[0];
  assert.equal(none.traceId, "0".repeat(32));
  assert.equal(none.parentSpanId, "0".repeat(16));
  assert.throws(() => decoded(one({ traceId: new Uint8Array(17) })), /longer than 16 bytes/);
  assert.throws(() => decoded(one({ spanId: new Uint8Array(9) })), /longer than 8 bytes/);
});

Deno.test("resource that follows its spans on the wire, in two pieces, is their resource", () => {
  const traceId = traceIds[0]!;
  const field = (number: number, body: Uint8Array) =>
    Uint8Array.of(number << 3 | 2, body.length, ...body);
  const inner = encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId }] }] }] });
  const resource = (key: string) => {
    const text = new TextEncoder().encode(key);
    return field(1, field(1, Uint8Array.of(...field(1, text), ...field(2, field(1, text)))));
  };
  const message = field(1, Uint8Array.of(...inner.slice(2), ...resource("a"), ...resource("b")));
  assert.deepEqual(describeSpans(decoded(message))[0].resource, [["a", "s:a"], ["b", "s:b"]]);
});

Deno.test("equal resources are one row, whatever the order of their attributes", () => {
  const pairs = ["a", "b"].map((key) => ({ key, value: { stringValue: key } }));
  const message = (attributes: object[]) =>
    encodeOtlp({
      resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: [{ name: "x" }] }] }],
    });
  const columns = decoded(message(pairs), message([...pairs].reverse()));
  assert.equal(columns.resources.length, 1);
  assert.equal(columns.length, 2);
});

Deno.test("value nested too deeply is an error, not a stack overflow", () => {
  // By hand: protobufjs refuses to write it.
  let value: Uint8Array = new Uint8Array(0);
  const nested = (number: number, body: Uint8Array) => {
    const size = body.length < 128 ? [body.length] : [body.length & 127 | 128, body.length >> 7];
    return Uint8Array.of(number << 3 | 2, ...size, ...body);
  };
  for (let i = 0; i < 90; i++) value = nested(5, nested(1, value));
  const span = nested(9, Uint8Array.of(...nested(1, new Uint8Array(1)), ...nested(2, value)));
  const message = nested(1, nested(2, nested(2, span)));
  assert.throws(() => decoded(message), /nested too deeply/);
});
