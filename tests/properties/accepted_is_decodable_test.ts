// What the distributor acknowledges, the fold must be able to take in: a request that is accepted and
// then cannot be decoded would be spans lost after their acknowledgement.
import assert from "node:assert/strict";
import fc from "fast-check";
import { indexRequest } from "../../distributor/regroup.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { checkOtlp } from "../../model/otlp_check.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { encodeOtlp, requests, traceIds } from "../support/otlp.ts";

/** Trace messages the distributor would append, or undefined where it refuses. */
function accepted(request: Uint8Array): Uint8Array[] | undefined {
  try {
    checkOtlp(request);
    const index = indexRequest(request, Infinity);
    return index.refusal === undefined ? index.traces().map(({ bytes }) => bytes) : undefined;
  } catch (error) {
    if (error instanceof ProtobufError) return undefined;
    throw error;
  }
}

Deno.test("damaged requests are refused, or every span of them can be decoded", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  let acceptedCount = 0;
  fc.assert(
    fc.property(requests, damage, (request, changes) => {
      const bytes = encodeOtlp(request);
      if (bytes.length === 0) return;
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const messages = accepted(bytes);
      if (messages === undefined) return;
      acceptedCount++;
      const decoder = new OtlpDecoder(new SpanColumns(defaultDedicated));
      for (const message of messages) decoder.decode(message);
    }),
    { numRuns: 3000 },
  );
  assert.ok(acceptedCount > 100, `only ${acceptedCount} damaged requests were accepted`);
});

Deno.test("undamaged requests are accepted by the check", () => {
  fc.assert(fc.property(requests, (request) => checkOtlp(encodeOtlp(request))));
});

/** A field of bytes: tag, length, content. */
function field(number: number, content: Uint8Array): Uint8Array {
  const size = content.length;
  const head = size < 128 ? [size] : [size & 127 | 128, size >> 7];
  return Uint8Array.of(number << 3 | 2, ...head, ...content);
}

Deno.test("values nested as deeply as is accepted can be decoded", () => {
  const text = (s: string) => new TextEncoder().encode(s);
  const both = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  let value = field(1, text("x"));
  let refusedFrom = 0;
  for (let depth = 1; depth < 150 && refusedFrom === 0; depth++) {
    // In turn an array of one value and a list of one key and value.
    value = depth % 2 === 0
      ? field(5, field(1, value))
      : field(6, field(1, both(field(1, text("k")), field(2, value))));
    const attribute = both(field(1, text("a")), field(2, value));
    const ids = both(field(1, traceIds[0]!), field(2, new Uint8Array(8).fill(1)));
    const request = field(1, field(2, field(2, both(ids, field(9, attribute)))));
    const messages = accepted(request);
    if (messages === undefined) refusedFrom = depth;
    const decoder = new OtlpDecoder(new SpanColumns(defaultDedicated));
    for (const message of messages ?? []) decoder.decode(message);
  }
  assert.ok(refusedFrom > 16, `refused from depth ${refusedFrom}`);
});
