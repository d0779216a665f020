// Attributes as labels see them: by name, as text. For what happens once per kind of span, not per span.
// Rules: of several values of one key the first counts; an array is its values between brackets, without
// anything between them; what has no text of its own (maps, bytes) is JSON.

import { type AttributeColumns, AttributeType } from "../model/attribute_columns.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { ABSENT, EMPTY_STRING, type StringTable } from "../model/string_table.ts";

const SERVICE_NAME = "service.name";

/** Of the resource first, then of the span; empty if neither has it. */
export function attributeText(spans: SpanColumns, row: number, key: string): string {
  return resourceText(spans, spans.resource[row]!, key) ?? spanText(spans, row, key) ?? "";
}

export function resourceText(
  spans: SpanColumns,
  resource: number,
  key: string,
): string | undefined {
  const { resources, strings } = spans;
  if (key === SERVICE_NAME) {
    const code = resources.serviceName[resource]!;
    if (code > EMPTY_STRING) return strings.text(code);
  }
  const { attributeStart, attributes } = resources;
  const at = find(
    attributes,
    attributeStart[resource]!,
    attributeStart[resource + 1]!,
    strings.find(key),
  );
  return at < 0 ? undefined : valueText(strings, attributes, at);
}

export function spanText(spans: SpanColumns, row: number, key: string): string | undefined {
  const { attributeStart, attributes, strings } = spans;
  const at = find(attributes, attributeStart[row]!, attributeStart[row + 1]!, strings.find(key));
  return at < 0 ? undefined : valueText(strings, attributes, at);
}

/** The row of a number, in the resource or the span; undefined if it is none. */
export function attributeNumber(spans: SpanColumns, row: number, key: string): number | undefined {
  const code = spans.strings.find(key);
  const resource = spans.resource[row]!;
  const { resources } = spans;
  const start = resources.attributeStart;
  const at = find(resources.attributes, start[resource]!, start[resource + 1]!, code);
  if (at >= 0) return numberAt(resources.attributes, at);
  const inSpan = find(
    spans.attributes,
    spans.attributeStart[row]!,
    spans.attributeStart[row + 1]!,
    code,
  );
  return inSpan < 0 ? undefined : numberAt(spans.attributes, inSpan);
}

/** Every attribute of a resource but `service.name`, in order of their keys. */
export function* resourceAttributes(
  { resources, strings }: SpanColumns,
  resource: number,
): Generator<[key: string, text: string]> {
  const { attributeStart, attributes } = resources;
  for (let at = attributeStart[resource]!; at < attributeStart[resource + 1]!; at++) {
    yield [strings.text(attributes.key[at]!), valueText(strings, attributes, at)];
  }
}

/** The first row of a key, or -1. */
export function find(list: AttributeColumns, from: number, to: number, key: number): number {
  if (key === ABSENT) return -1;
  for (let at = from; at < to; at++) if (list.key[at] === key) return at;
  return -1;
}

export function valueText(strings: StringTable, list: AttributeColumns, at: number): string {
  const type = list.type[at]!;
  const low = list.words[at * 2]!;
  const high = list.words[at * 2 + 1]!;
  if (type <= AttributeType.Unsupported) return scalarText(strings, type, low, high);
  const values = Array.from(
    { length: type === AttributeType.EmptyArray ? 0 : high },
    (_, i) => {
      const element = (low + i) * 2;
      const words = list.elementWords;
      return scalarText(
        strings,
        type - AttributeType.EmptyArray,
        words[element]!,
        words[element + 1]!,
      );
    },
  );
  return `[${values.join("")}]`;
}

const words = new Uint32Array(2);
const double = new Float64Array(words.buffer);
const int = new BigInt64Array(words.buffer);

function scalarText(strings: StringTable, type: number, low: number, high: number): string {
  words[0] = low;
  words[1] = high;
  switch (type) {
    case AttributeType.Bool:
      return low === 0 ? "false" : "true";
    case AttributeType.Int:
      return String(int[0]);
    case AttributeType.Double:
      return String(double[0]);
    default:
      return strings.text(low);
  }
}

function numberAt(list: AttributeColumns, at: number): number | undefined {
  words[0] = list.words[at * 2]!;
  words[1] = list.words[at * 2 + 1]!;
  const type = list.type[at]!;
  if (type === AttributeType.Double) return double[0];
  return type === AttributeType.Int ? Number(int[0]) : undefined;
}
