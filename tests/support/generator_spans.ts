// Spans as plain objects for tests of the generator, the records they stand in, and random ones.
import fc from "fast-check";

import { recordSize, writeRecord } from "../../model/record.ts";
import { encodeOtlp, sizeOfSpan } from "./otlp.ts";

export type PlainValue = string | number | boolean | readonly string[] | {
  readonly double: number;
};
export type PlainAttributes = Readonly<Record<string, PlainValue>>;

export interface PlainSpan {
  readonly trace: number;
  readonly span: number;
  /** 0: none. */
  readonly parent: number;
  readonly name: string;
  readonly kind: number;
  readonly status: number;
  readonly statusMessage: string;
  readonly traceState: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: PlainAttributes;
  readonly resource: PlainAttributes;
}

export const NOW_MS = 1_767_268_800_000;

export function plainSpan(parts: Partial<PlainSpan> = {}): PlainSpan {
  return {
    trace: 1,
    span: 1,
    parent: 0,
    name: "GET /",
    kind: 2,
    status: 0,
    statusMessage: "",
    traceState: "",
    startMs: NOW_MS - 1_000,
    durationMs: 10,
    attributes: {},
    resource: { "service.name": "shop" },
    ...parts,
  };
}

/** A record of the log: a trace for each run of spans of one. */
export function recordOfSpans(spans: readonly PlainSpan[]): Uint8Array {
  const messages = runsBy(spans, ({ trace }) => trace).map((trace) => ({
    traceId: traceIdBytes(trace[0]!.trace),
    bytes: encodeOtlp({
      resourceSpans: runsBy(trace, ({ resource }) => resource).map((group) => ({
        resource: { attributes: otlpAttributes(group[0]!.resource) },
        scopeSpans: [{ scope: { name: "lib" }, spans: group.map(otlpSpan) }],
      })),
    }),
    spanCount: trace.length,
  }));
  const record = new Uint8Array(recordSize(messages));
  writeRecord(messages, record, 0);
  return record;
}

export function traceIdBytes(trace: number): Uint8Array {
  return new Uint8Array(16).fill(trace);
}

/** Of the message of a span, as the peer counts it: with a status, if an empty one. */
export function spanSize(span: PlainSpan): number {
  return sizeOfSpan(otlpSpan(span)) + (hasStatus(span) ? 0 : 2);
}

function hasStatus({ status, statusMessage }: PlainSpan): boolean {
  return status !== 0 || statusMessage !== "";
}

function otlpSpan(span: PlainSpan): unknown {
  return {
    traceId: traceIdBytes(span.trace),
    spanId: new Uint8Array(8).fill(span.span),
    parentSpanId: span.parent === 0 ? new Uint8Array(0) : new Uint8Array(8).fill(span.parent),
    traceState: span.traceState,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nano(span.startMs),
    endTimeUnixNano: nano(span.startMs + span.durationMs),
    attributes: otlpAttributes(span.attributes),
    // What nobody looks at.
    events: [{ name: "event", attributes: otlpAttributes({ "peer.service": "of an event" }) }],
    links: [{ traceId: traceIdBytes(9), spanId: new Uint8Array(8).fill(9) }],
    ...hasStatus(span) && { status: { code: span.status, message: span.statusMessage } },
  };
}

function otlpAttributes(attributes: PlainAttributes): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));
}

function otlpValue(value: PlainValue): unknown {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { intValue: String(value) };
  if ("double" in value) return { doubleValue: value.double };
  return { arrayValue: { values: value.map((text) => ({ stringValue: text })) } };
}

const nano = (ms: number) => String(BigInt(Math.round(ms * 1000)) * 1000n);

function runsBy<T>(items: readonly T[], keyOf: (item: T) => unknown): T[][] {
  const runs: T[][] = [];
  for (const item of items) {
    const last = runs.at(-1);
    if (last !== undefined && keyOf(last[0]!) === keyOf(item)) last.push(item);
    else runs.push([item]);
  }
  return runs;
}

const RESOURCES: readonly PlainAttributes[] = [
  { "service.name": "shop", "host.id": "h1", "k8s.node.name": "n1" },
  {
    "service.name": "cart",
    "service.namespace": "team",
    "service.instance.id": "i1",
    "zone": "a",
    "service": "odd",
    "rate": { double: 0.25 },
  },
  { "service.name": "db", "k8s.node.name": "n2", "kind": ["x", "y"] },
  { "zone": "b" },
  {},
];

const ATTRIBUTES: readonly PlainAttributes[] = [
  {},
  { "zone": "p1", "http.status": 200, "unwanted": "x" },
  { "zone": "p2", "http.status": "200", "rate": { double: 0.5 } },
  { "peer.service": "mail", "rate": { double: 0 } },
  { "db.system": "redis", "network.peer.address": "10.0.0.1", "network.peer.port": 6379 },
  { "db.name": "orders", "server.address": "pg", "zone": ["a", "b"] },
  { "db.system": "", "peer.service": "", "network.peer.address": "10.0.0.2", "rate": 2 },
  { "http.status": true, "rate": { double: 1.5 }, "service": "odd" },
];

/** Few of everything, so that spans are alike but for one thing, and sides of calls meet. */
export const plainSpans: fc.Arbitrary<PlainSpan[]> = fc.array(
  fc.record({
    trace: fc.integer({ min: 1, max: 2 }),
    span: fc.integer({ min: 1, max: 4 }),
    parent: fc.integer({ min: 0, max: 4 }),
    name: fc.constantFrom("GET /", "GET /a/1", ""),
    kind: fc.constantFrom(2, 3, 2, 3, 4, 5, 1, 0, 6),
    status: fc.constantFrom(0, 2, 0, 1, 3),
    statusMessage: fc.constantFrom("", "", "boom"),
    traceState: fc.constantFrom("", "", "ot=th:8", "ot=th:c;rv:1", "x=y"),
    startMs: fc.constantFrom(0, 1, 2.5, 100, 0, 70_000).map((ms) => NOW_MS - 1_000 - ms),
    durationMs: fc.constantFrom(1, -1, 0, 2, 2.001, 100, 400, 5_000, 100_000),
    attributes: fc.constantFrom(...ATTRIBUTES),
    resource: fc.constantFrom(...RESOURCES, RESOURCES[0]!, RESOURCES[1]!),
  }),
  { minLength: 1, maxLength: 24, size: "max" },
);
