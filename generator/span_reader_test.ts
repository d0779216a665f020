import assert from "node:assert/strict";
import fc from "fast-check";

import { IntList } from "../lib/growable.ts";
import { dedicatedAttributes } from "../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { recordSize, writeRecord } from "../model/record.ts";
import { SpanColumns } from "../model/span_columns.ts";
import { encodeOtlp, type Plain, requests, sizeOfSpan } from "../tests/support/otlp.ts";
import { resourceAttributes, valueText } from "./attributes.ts";
import { RecordColumns } from "./record_columns.ts";
import { SpanReader } from "./span_reader.ts";
import { WantedFields } from "./wanted_fields.ts";

const KEYS = ["http.method", "", "a", "service.name", "ключ", "k".repeat(200)];

Deno.test("what is read of spans is what decoding everything reads", () => {
  const wanted = fc.record({
    keys: fc.subarray(KEYS),
    hasTraceState: fc.boolean(),
    hasStatusMessage: fc.boolean(),
  });
  fc.assert(fc.property(requests, wanted, (request, { keys, ...flags }) => {
    const message = encodeOtlp(request);
    const all = new SpanColumns(dedicatedAttributes([]));
    new OtlpDecoder(all).decode(message);
    const columns = new RecordColumns();
    columns.want({ attributes: keys, ...flags });
    columns.read(recordOf(message));
    const read = columns.spans;
    assert.equal(read.length, all.length);
    for (let row = 0; row < all.length; row++) {
      assert.deepEqual(plainly(read, row, keys, flags), plainly(all, row, keys, flags));
    }
    const spans: Plain[] = request.resourceSpans.flatMap(({ scopeSpans }: Plain) =>
      scopeSpans.flatMap(({ spans }: Plain) => spans)
    );
    assert.deepEqual([...columns.spanBytes.subarray(0, read.length)], spans.map(sizeOfSpan));
  }));
});

Deno.test("what nobody wants leaves nothing behind", () => {
  const columns = new RecordColumns();
  columns.want({ attributes: ["peer"], hasTraceState: false, hasStatusMessage: false });
  const sizes = [1, 2, 3, 4, 5].map((n) => {
    const attributes = ["user", "peek"].map((key) => ({
      key,
      value: { stringValue: `never seen before ${n}` },
    }));
    const span = { traceId: new Uint8Array(16).fill(1), name: "a", attributes, status: {} };
    columns.read(recordOf(encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })));
    assert.equal(columns.spans.attributes.length, 0);
    return columns.spans.strings.size;
  });
  assert.equal(sizes.at(-1), sizes[0]);
});

Deno.test("a truncated message is refused, wherever it ends", () => {
  const span = {
    traceId: new Uint8Array(16).fill(1),
    name: "GET /",
    attributes: [{ key: "a", value: { stringValue: "x" } }],
    status: { code: 2, message: "boom" },
  };
  const message = encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  for (let end = 1; end < message.length; end++) {
    const columns = new SpanColumns(dedicatedAttributes([]));
    const wanted = new WantedFields();
    wanted.want(["a"], columns.strings);
    const reader = new SpanReader(columns, wanted, new IntList());
    assert.throws(() => reader.read(message.subarray(0, end)), { name: "ProtobufError" });
  }
});

Deno.test("when strings take too much all is forgotten, and read anew", () => {
  const columns = new RecordColumns(1);
  columns.want({ attributes: ["a"], hasTraceState: false, hasStatusMessage: false });
  for (let n = 0; n < 3; n++) {
    const span = {
      traceId: new Uint8Array(16).fill(1),
      name: `n${n}`,
      attributes: [{ key: "a", value: { stringValue: `v${n}` } }],
    };
    const resource = { attributes: [{ key: "r", value: { stringValue: `r${n}` } }] };
    columns.read(
      recordOf(encodeOtlp({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] })),
    );
    const { spans } = columns;
    assert.equal(spans.generation, n + 1);
    assert.equal(spans.strings.text(spans.name[0]!), `n${n}`);
    assert.equal(valueText(spans.strings, spans.attributes, 0), `v${n}`);
    assert.deepEqual([...resourceAttributes(spans, spans.resource[0]!)], [["r", `r${n}`]]);
  }
});

/** All that the generator looks at. */
function plainly(
  spans: SpanColumns,
  row: number,
  keys: readonly string[],
  flags: { hasTraceState: boolean; hasStatusMessage: boolean },
) {
  const { attributes, attributeStart, strings } = spans;
  const resource = spans.resource[row]!;
  const wanted: [string, string][] = [];
  for (let at = attributeStart[row]!; at < attributeStart[row + 1]!; at++) {
    const key = strings.text(attributes.key[at]!);
    if (key !== "" && keys.includes(key)) wanted.push([key, valueText(strings, attributes, at)]);
  }
  return {
    trace: spans.traces.id(spans.trace[row]!).toHex(),
    ids: [
      ...spans.spanId.subarray(row * 2, row * 2 + 2),
      ...spans.parentId.subarray(row * 2, row * 2 + 2),
    ],
    name: strings.text(spans.name[row]!),
    kind: spans.kind[row],
    status: spans.statusCode[row],
    message: flags.hasStatusMessage ? strings.text(spans.statusMessage[row]!) : "",
    traceState: flags.hasTraceState ? strings.text(spans.traceState[row]!) : "",
    start: [...spans.startUnixNano.subarray(row * 2, row * 2 + 2)],
    duration: spans.durationNano[row],
    service: strings.text(spans.resources.serviceName[resource]!),
    resource: [...resourceAttributes(spans, resource)],
    wanted,
  };
}

function recordOf(bytes: Uint8Array): Uint8Array {
  const message = { traceId: new Uint8Array(16), bytes, spanCount: 0 };
  const record = new Uint8Array(recordSize([message]));
  writeRecord([message], record, 0);
  return record;
}
