import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeOtlp, type Plain } from "../tests/support/otlp.ts";
import { traceDiff } from "./trace_diff.ts";

const spanId = (n: number) => {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(4, n);
  return id;
};
const span = (n: number, parent: number, name: string, more: Plain = {}) => ({
  traceId: new Uint8Array(16).fill(7),
  spanId: spanId(n),
  ...(parent === 0 ? {} : { parentSpanId: spanId(parent) }),
  name,
  startTimeUnixNano: String(1_000_000 * n),
  endTimeUnixNano: String(1_000_000 * n + 10_000_000),
  ...more,
});
const traceOf = (...spans: Plain[]) =>
  encodeOtlp({
    resourceSpans: [{
      resource: { attributes: [{ key: "service.name", value: { stringValue: "s" } }] },
      scopeSpans: [{ spans }],
    }],
  });
const text = (stringValue: string) => [{ key: "k", value: { stringValue } }];

Deno.test("a trace does not differ from itself, nor from one with other ids and orders", () => {
  const links = fc.array(fc.record({ parent: fc.nat({ max: 30 }), name: fc.nat({ max: 3 }) }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(links, fc.array(fc.nat(), { minLength: 30, maxLength: 30 }), (links, keys) => {
      const of = (shift: number) =>
        links.map(({ parent, name }, i) => {
          const above = parent > i ? 0 : parent;
          return {
            ...span(i + 1, above, `n${name}`),
            spanId: spanId(i + 1 + shift),
            ...(above === 0 ? {} : { parentSpanId: spanId(above + shift) }),
          };
        });
      const shuffled = of(1000).map((one, i) => [keys[i]!, one] as const)
        .sort(([a], [b]) => a - b).map(([, one]) => one);
      const { stats, modified } = traceDiff(traceOf(...of(0)), traceOf(...shuffled));
      assert.deepEqual(modified, []);
      assert.deepEqual([stats.matched, stats.added, stats.removed], [links.length, 0, 0]);
    }),
  );
});

Deno.test("what was added, removed, slower or failing is told with its way from the root", () => {
  const base = traceOf(
    span(1, 0, "root"),
    span(2, 1, "a", { attributes: text("x") }),
    span(3, 1, "gone"),
    span(4, 3, "below gone"),
  );
  const compare = traceOf(
    span(1, 0, "root", { endTimeUnixNano: "31000000" }),
    span(5, 1, "a", { attributes: text("y"), status: { code: 2 } }),
    span(6, 5, "new"),
  );
  const diff = traceDiff(base, compare);
  assert.deepEqual(diff.modified, [
    {
      path: ["s: root"],
      baseSpanId: "0000000000000001",
      compareSpanId: "0000000000000001",
      changes: { durationMs: [10, 30] },
    },
    {
      path: ["s: root", "s: a"],
      baseSpanId: "0000000000000002",
      compareSpanId: "0000000000000005",
      changes: {
        "status": ["STATUS_CODE_UNSET", "STATUS_CODE_ERROR"],
        "attributes.k": ["x", "y"],
      },
    },
  ]);
  assert.deepEqual(diff.removed.map(({ path }) => path.join(" > ")), [
    "s: root > s: gone",
    "s: root > s: gone > s: below gone",
  ]);
  assert.deepEqual(diff.added.map(({ path }) => path.join(" > ")), ["s: root > s: a > s: new"]);
  assert.deepEqual(diff.stats, {
    spanCountA: 4,
    spanCountB: 3,
    matched: 2,
    modified: 2,
    added: 1,
    removed: 2,
  });
  assert.deepEqual(diff.warnings, []);
  assert.deepEqual(traceDiff(traceOf(span(2, 9, "lost")), base).warnings, [
    "base: 1 spans whose parent is missing are compared as roots",
  ]);
});
