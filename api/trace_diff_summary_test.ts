import assert from "node:assert/strict";
import { encodeOtlp, type Plain } from "../tests/support/otlp.ts";
import { traceDiff, type TraceSummary } from "./trace_diff_summary.ts";

interface Made {
  readonly id: number;
  readonly parent: number;
  readonly service: string;
  readonly name: string;
  readonly ms: number;
  readonly isError?: boolean;
}

function traceOf(spans: readonly Made[]): Uint8Array {
  const id = (n: number) => new Uint8Array([0, 0, 0, 0, 0, 0, n >> 8, n & 255]);
  const plain = ({ id: n, parent, name, ms, isError }: Made): Plain => ({
    traceId: new Uint8Array(16).fill(7),
    spanId: id(n),
    ...(parent === 0 ? {} : { parentSpanId: id(parent) }),
    name,
    startTimeUnixNano: String(1_000_000 * n),
    endTimeUnixNano: String(1_000_000 * (n + ms)),
    ...(isError ? { status: { code: 2 } } : {}),
  });
  return encodeOtlp({
    resourceSpans: spans.map((one) => ({
      resource: { attributes: [{ key: "service.name", value: { stringValue: one.service } }] },
      scopeSpans: [{ spans: [plain(one)] }],
    })),
  });
}

const BASE: readonly Made[] = [
  { id: 1, parent: 0, service: "web", name: "GET", ms: 100 },
  { id: 2, parent: 1, service: "cart", name: "load", ms: 40 },
  { id: 3, parent: 1, service: "mail", name: "send", ms: 10 },
];
const COMPARE: readonly Made[] = [
  { id: 1, parent: 0, service: "web", name: "GET", ms: 215 },
  { id: 2, parent: 1, service: "cart", name: "load", ms: 160, isError: true },
  { id: 3, parent: 2, service: "db", name: "SELECT", ms: 30 },
];

const summary = (base: readonly Made[], compare: readonly Made[]) =>
  traceDiff(traceOf(base), traceOf(compare), "trace-summary-v0-native") as TraceSummary;

Deno.test("what stands out is told for the trace and for each service", () => {
  const { signals, services, changedServices, stats, trust } = summary(BASE, COMPARE);
  assert.deepEqual(signals, [
    { type: "duration", before: 1e8, after: 2.15e8 },
    { type: "errors", service: "cart", before: 0, after: 1 },
    { type: "self_time", service: "cart", before: 4e7, after: 1.3e8 },
    { type: "service_added", service: "db", before: 0, after: 1 },
    { type: "service_removed", service: "mail", before: 1, after: 0 },
  ]);
  assert.deepEqual(changedServices, ["cart", "db", "mail", "web"]);
  assert.deepEqual(
    services.map(({ service, spanCountA, spanCountB, added, removed, modified }) => [
      ...[service, spanCountA, spanCountB, added, removed, modified],
    ]),
    [
      ["cart", 1, 1, 0, 0, 1],
      ["db", 0, 1, 1, 0, 0],
      ["mail", 1, 0, 0, 1, 0],
      ["web", 1, 1, 0, 0, 1],
    ],
  );
  assert.deepEqual([stats.matchedSpans, stats.addedSpans, stats.removedSpans], [2, 1, 1]);
  assert.deepEqual(trust, {
    level: "medium",
    matchedShare: 0.5,
    reasons: ["2 of 4 spans stand for each other"],
  });
});

Deno.test("a trace and itself: nothing stands out, and that is sure", () => {
  const { signals, changedServices, trust } = summary(BASE, BASE);
  assert.deepEqual([signals, changedServices], [[], []]);
  assert.deepEqual(trust, { level: "high", matchedShare: 1, reasons: [] });
});

Deno.test("traces that have little to do with each other are told to be such", () => {
  const other = BASE.map((span) => ({ ...span, name: `other ${span.name}` }));
  assert.equal(summary(BASE, other).trust.level, "low");
});

Deno.test("the composed form has the patch, or says how large it would be", () => {
  const composed = (count: number) => {
    const many = Array.from({ length: count }, (_, i): Made => ({
      ...{ id: i + 2, parent: 1, service: "cart", name: `n${i}`, ms: 1 },
    }));
    const grown = traceOf([BASE[0]!, ...many]);
    return traceDiff(traceOf(BASE), grown, "trace-summary-v0-composed") as TraceSummary;
  };
  const small = composed(3);
  assert.equal(small.patch?.version, "trace-patch-v0");
  assert.deepEqual([small.patch.stats, small.patchOmitted], [small.stats, undefined]);
  const large = composed(600);
  assert.equal(large.patch, undefined);
  assert.equal(large.patchOmitted?.reason, "over_budget");
  assert.ok(large.patchOmitted.bytes > 64 * 1024);
});
