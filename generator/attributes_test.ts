import assert from "node:assert/strict";

import { recordSize, writeRecord } from "../model/record.ts";
import { encodeOtlp, type Plain } from "../tests/support/otlp.ts";
import { attributeNumber, attributeText, resourceText, spanText } from "./attributes.ts";
import { RecordColumns } from "./record_columns.ts";
import { SpanKeys } from "./span_keys.ts";

const KEYS = ["a", "b", "c"];

function columnsOf(spans: Plain[], resource: Plain[] = []): RecordColumns {
  const columns = new RecordColumns();
  columns.want({ attributes: KEYS, hasTraceState: false, hasStatusMessage: false });
  const bytes = encodeOtlp({
    resourceSpans: [{
      resource: { attributes: resource },
      scopeSpans: [{
        spans: spans.map((attributes) => ({ traceId: new Uint8Array(16).fill(1), attributes })),
      }],
    }],
  });
  const message = { traceId: new Uint8Array(16), bytes, spanCount: spans.length };
  const record = new Uint8Array(recordSize([message]));
  writeRecord([message], record, 0);
  columns.read(record);
  return columns;
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

Deno.test("every value has a text", () => {
  const values: [Plain, string][] = [
    [{ stringValue: "x" }, "x"],
    [{ intValue: "-9223372036854775808" }, "-9223372036854775808"],
    [{ doubleValue: 1.5 }, "1.5"],
    [{ doubleValue: 2 }, "2"],
    [{ boolValue: false }, "false"],
    [{ arrayValue: { values: [{ stringValue: "A" }, { stringValue: "B" }] } }, "[AB]"],
    [{ arrayValue: { values: [{ intValue: "1" }, { intValue: "2" }] } }, "[12]"],
    [{ arrayValue: { values: [] } }, "[]"],
  ];
  for (const [value, wanted] of values) {
    const { spans } = columnsOf([[{ key: "a", value }]], [{ key: "b", value }]);
    assert.equal(spanText(spans, 0, "a"), wanted);
    assert.equal(resourceText(spans, spans.resource[0]!, "b"), wanted);
  }
});

Deno.test("the resource comes before the span, and of several values the first", () => {
  const { spans } = columnsOf([[text("a", "s1"), text("a", "s2"), text("b", "s3")]], [
    text("b", "r"),
    text("service.name", "shop"),
  ]);
  const keys = ["a", "b", "c", "service.name"];
  assert.deepEqual(keys.map((key) => attributeText(spans, 0, key)), ["s1", "r", "", "shop"]);
  assert.equal(spanText(spans, 0, "c"), undefined);
});

Deno.test("only numbers are numbers", () => {
  const values = [{ intValue: "4" }, { doubleValue: 0.5 }, { stringValue: "4" }, {
    boolValue: true,
  }];
  const numbers = values.map((value) => {
    const { spans } = columnsOf([[{ key: "a", value }]]);
    return attributeNumber(spans, 0, "a");
  });
  assert.deepEqual(numbers, [4, 0.5, undefined, undefined]);
});

Deno.test("spans have one number exactly if they are alike in what is asked for", () => {
  const int = (key: string, value: number) => ({ key, value: { intValue: String(value) } });
  const spans = [
    [text("a", "x"), int("b", 1)],
    [int("b", 1), text("a", "x"), text("d", "not asked for")],
    [text("a", "x"), text("a", "y"), int("b", 1)], // the first counts
    [text("a", "y"), int("b", 1)],
    [text("a", "x"), text("b", "1")], // a text is no number
    [text("a", "x"), { key: "b", value: { doubleValue: 1 } }],
    [text("a", "x")],
    [text("a", "x"), text("b", "")],
  ];
  const columns = columnsOf(spans);
  const keys = new SpanKeys({ hasName: false, hasStatusMessage: false, attributes: KEYS });
  keys.clear(columns.spans);
  const numbers = spans.map((_, row) => keys.of(columns.spans, row));
  assert.deepEqual(numbers, [0, 0, 0, 1, 2, 3, 4, 5]);
});
