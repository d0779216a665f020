// SpanColumns told back as plain objects, so that tests can compare them with another decoder's.

import { AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import type { OwnColumns } from "../../model/own_columns.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import { EMPTY_STRING } from "../../model/string_table.ts";
import type { Plain } from "./otlp.ts";

const isArray = (type: number) => type >= AttributeType.EmptyArray;

export function describeSpans(columns: SpanColumns): Plain[] {
  return Array.from({ length: columns.length }, (_, row) => describeSpan(columns, row));
}

function describeSpan(c: SpanColumns, row: number): Plain {
  const text = (code: number) => c.strings.text(code);
  const resource = c.resource[row]!;
  const scope = c.scope[row]!;
  const dedicated = ownValues(c, c.own, row);
  const resourceDedicated = ownValues(c, c.resources.own, resource);
  const service = c.resources.serviceName[resource]!;
  if (service !== EMPTY_STRING) resourceDedicated.push(["service.name", "s:" + text(service)]);
  return {
    traceId: hex(c.traces.id(c.trace[row]!)),
    spanId: hexWords(c.spanId, row * 2, 2),
    parentSpanId: hexWords(c.parentId, row * 2, 2),
    traceState: text(c.traceState[row]!),
    name: text(c.name[row]!),
    kind: c.kind[row],
    start: uint64(c.startUnixNano, row),
    durationNano: c.durationNano[row],
    status: [c.statusCode[row], text(c.statusMessage[row]!)],
    dropped: c.droppedAttributes[row],
    attributes: sorted([...dedicated, ...list(c, c.attributes, c.attributeStart, row)]),
    events: range(c.eventStart, row).map((event) => ({
      time: uint64(c.events.timeUnixNano, event),
      name: text(c.events.name[event]!),
      attributes: sorted([
        ...ownValues(c, c.events.own, event),
        ...list(c, c.events.attributes, c.events.attributeStart, event),
      ]),
    })),
    links: range(c.linkStart, row).map((link) => ({
      traceId: hexWords(c.links.traceId, link * 4, 4),
      spanId: hexWords(c.links.spanId, link * 2, 2),
      traceState: text(c.links.traceState[link]!),
      attributes: sorted(list(c, c.links.attributes, c.links.attributeStart, link)),
    })),
    resource: sorted([
      ...resourceDedicated,
      ...list(c, c.resources.attributes, c.resources.attributeStart, resource),
    ]),
    scope: {
      name: text(c.scopes.name[scope]!),
      version: text(c.scopes.version[scope]!),
      attributes: sorted(list(c, c.scopes.attributes, c.scopes.attributeStart, scope)),
    },
  };
}

/** The same shape from protobufjs objects; `isDedicated` keys keep only their last value. */
export function describePlain(request: Plain, dedicatedKeys: Record<string, string>): Plain[] {
  const spans: Plain[] = [];
  for (const rs of request.resourceSpans) {
    for (const ss of rs.scopeSpans) {
      for (const span of ss.spans) {
        const duration = Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano));
        spans.push({
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentSpanId: hex(span.parentSpanId) || "0".repeat(16),
          traceState: span.traceState,
          name: span.name,
          kind: span.kind,
          start: span.startTimeUnixNano,
          durationNano: duration,
          status: [span.status?.code ?? 0, span.status?.message ?? ""],
          dropped: span.droppedAttributesCount,
          attributes: plainAttributes(span.attributes, dedicatedKeys),
          events: span.events.map((event: Plain) => ({
            time: event.timeUnixNano,
            name: event.name,
            attributes: plainAttributes(event.attributes, {}),
          })),
          links: span.links.map((link: Plain) => ({
            traceId: hex(link.traceId),
            spanId: hex(link.spanId),
            traceState: link.traceState,
            attributes: plainAttributes(link.attributes, {}),
          })),
          resource: plainAttributes(rs.resource?.attributes ?? [], {
            "service.name": "s",
            "k8s.pod.name": "s",
          }).filter(([key, value]) => !(key === "service.name" && value === "s:")),
          scope: {
            name: ss.scope?.name ?? "",
            version: ss.scope?.version ?? "",
            attributes: plainAttributes(ss.scope?.attributes ?? [], {}),
          },
        });
      }
    }
  }
  return spans;
}

function plainAttributes(attributes: Plain[], dedicatedKeys: Record<string, string>): string[][] {
  const last = new Map<string, string[]>();
  const rest: string[][] = [];
  for (const { key, value } of attributes) {
    const told = plainValue(value ?? {});
    const type = dedicatedKeys[key];
    if (type === told[0] && told[1] === ":") last.set(key, [key, told]);
    else if (type === undefined || key === "service.name") rest.push([key, told]);
    else {
      // The last value takes the place of the one before, whatever its type. Arrays of the right type
      // stay with the key, but an array of one is its value, and an empty one is none.
      last.delete(key);
      const elements: Plain[] = value?.arrayValue?.values;
      if (elements?.length === 0) continue;
      if (told[0] !== "[" || told[1] !== type) rest.push([key, told]);
      else last.set(key, [key, elements.length === 1 ? plainValue(elements[0]) : told]);
    }
  }
  return sorted([...last.values(), ...rest]);
}

function plainValue(value: Plain): string {
  if (value.stringValue !== undefined) return "s:" + value.stringValue;
  if (value.intValue !== undefined) return "i:" + value.intValue;
  if (value.doubleValue !== undefined) return "d:" + told(value.doubleValue);
  if (value.boolValue !== undefined) return "b:" + value.boolValue;
  if (value.arrayValue !== undefined) {
    const values: string[] = value.arrayValue.values.map(plainValue);
    if (values.every((v) => v[0] === values[0]![0])) return "[" + values.join() + "]";
  }
  return "unsupported";
}

function ownValues(c: SpanColumns, own: OwnColumns, owner: number): string[][] {
  const values: string[][] = [];
  own.strings.forEach((codes, slot) => {
    if (codes[owner] === 0) return;
    values.push([own.keys.strings[slot]!, "s:" + c.strings.text(codes[owner]!)]);
  });
  own.ints.forEach(({ words, isPresent }, slot) => {
    if (isPresent[owner]) values.push([own.keys.ints[slot]!, "i:" + int64(words, owner)]);
  });
  return values;
}

function list(
  c: SpanColumns,
  pool: AttributeColumns,
  start: Int32Array,
  owner: number,
): string[][] {
  return range(start, owner).map((i) => {
    const type = pool.type[i]!;
    const low = pool.words[i * 2]!;
    const high = pool.words[i * 2 + 1]!;
    const key = c.strings.text(pool.key[i]!);
    if (type === AttributeType.Unsupported) {
      JSON.parse(c.strings.text(low));
      return [key, "unsupported"];
    }
    if (!isArray(type)) return [key, scalar(c, type, pool.words, i)];
    const elements = Array.from(
      { length: high },
      (_, k) => scalar(c, type - AttributeType.EmptyArray, pool.elementWords, low + k),
    );
    return [key, "[" + elements.join() + "]"];
  });
}

function scalar(c: SpanColumns, type: number, words: Uint32Array, row: number): string {
  switch (type) {
    case AttributeType.String:
      return "s:" + c.strings.text(words[row * 2]!);
    case AttributeType.Int:
      return "i:" + int64(words, row);
    case AttributeType.Double:
      return "d:" + told(new Float64Array(words.slice(row * 2, row * 2 + 2).buffer)[0]!);
    default:
      return "b:" + (words[row * 2] === 1);
  }
}

const told = (value: number) => Object.is(value, -0) ? "-0" : String(value);
const range = (start: Int32Array, owner: number) =>
  Array.from({ length: start[owner + 1]! - start[owner]! }, (_, i) => start[owner]! + i);
const sorted = (pairs: string[][]) =>
  pairs.map((pair) => pair.join("=")).sort().map((pair) => pair.split(/=(.*)/s).slice(0, 2));
const hex = (bytes: Uint8Array) => Uint8Array.from(bytes).toHex();
const hexWords = (words: Uint32Array, at: number, count: number) =>
  new Uint8Array(words.slice(at, at + count).buffer).toHex();
const uint64 = (words: Uint32Array, row: number) =>
  String(BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!));
const int64 = (words: Uint32Array, row: number) =>
  String(BigInt.asIntN(64, BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!)));
