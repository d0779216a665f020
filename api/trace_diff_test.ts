import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeOtlp, type Plain } from "../tests/support/otlp.ts";
import { matchTraces, tracePatch } from "./trace_diff.ts";

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
const diffOf = (base: Uint8Array, compare: Uint8Array) => tracePatch(matchTraces(base, compare));
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
      const { stats, modified } = diffOf(traceOf(...of(0)), traceOf(...shuffled));
      assert.deepEqual(modified, []);
      const { matchedSpans, addedSpans, removedSpans } = stats;
      assert.deepEqual([matchedSpans, addedSpans, removedSpans], [links.length, 0, 0]);
    }),
  );
});

Deno.test("what was added, removed, slower or failing is told with its way from the root", () => {
  const base = traceOf(
    span(1, 0, "root"),
    span(2, 1, "a", { attributes: text("x"), events: [{ name: "e", attributes: text("1") }] }),
    span(3, 1, "gone", { kind: 2 }),
    span(4, 3, "below gone"),
  );
  const compare = traceOf(
    span(1, 0, "root", { endTimeUnixNano: "31000000" }),
    span(5, 1, "a", { status: { code: 2 }, events: [{ name: "e" }, { name: "f" }] }),
    span(6, 5, "new"),
  );
  const diff = diffOf(base, compare);
  const field = (name: string) => ({ type: "field", name });
  const event = (name: string, index: number) => ({ type: "event", name, index });
  assert.deepEqual(diff.modified, [
    {
      span: { path: [0], service: "s", name: "root", kind: "unspecified" },
      changes: [{ op: "modify", target: field("duration_nanos"), before: 1e7, after: 3e7 }],
    },
    {
      span: { path: [0, 0], service: "s", name: "a", kind: "unspecified" },
      changes: [
        { op: "modify", target: field("status"), before: "unset", after: "error" },
        { op: "remove", target: { type: "attribute", scope: "span", key: "k" }, before: "x" },
        { op: "modify", target: event("e", 0), before: { k: "1" }, after: {} },
        { op: "add", target: event("f", 1), after: {} },
      ],
    },
  ]);
  const whole = { service: "s", duration_nanos: 1e7, status: "unset" };
  assert.deepEqual(diff.removed, [
    {
      target: { type: "span", path: [0, 1] },
      span: { path: [0, 1], name: "gone", kind: "server", ...whole },
    },
    {
      target: { type: "span", path: [0, 1, 0] },
      span: { path: [0, 1, 0], name: "below gone", kind: "unspecified", ...whole },
    },
  ]);
  assert.deepEqual(diff.added, [{
    target: { type: "span", parentPath: [0, 0], index: 0 },
    span: { path: [0, 0, 0], name: "new", kind: "unspecified", ...whole },
  }]);
  assert.deepEqual(diff.stats, {
    spanCountA: 4,
    spanCountB: 3,
    matchedSpans: 2,
    modifiedSpans: 2,
    addedSpans: 1,
    removedSpans: 2,
    fieldChanges: 2,
    attributeChanges: 1,
    eventChanges: 2,
    truncated: false,
  });
  assert.deepEqual(diff.warnings, []);
  assert.deepEqual(diffOf(traceOf(span(2, 9, "lost")), base).warnings, [
    "base: 1 spans whose parent is missing are compared as roots",
  ]);
});

Deno.test("below a span that was renamed everything is compared all the same", () => {
  const trace = (root: string, after: string) =>
    traceOf(span(1, 0, root), span(2, 1, "same"), span(3, 2, "below", { attributes: text(after) }));
  const { stats, modified } = diffOf(trace("old", "x"), trace("new", "y"));
  assert.deepEqual([stats.matchedSpans, stats.addedSpans, stats.removedSpans], [2, 1, 1]);
  assert.deepEqual(modified.map(({ span: { path } }) => path), [[0, 0, 0]]);
});

Deno.test("spans of one id, below themselves or each other, are each compared once", () => {
  const broken = traceOf(
    span(1, 1, "below itself"),
    span(2, 3, "circle"),
    span(3, 2, "circle"),
    span(4, 0, "twin"),
    span(4, 0, "twin"),
    span(5, 4, "child of a twin"),
  );
  const { stats } = diffOf(broken, broken);
  assert.deepEqual([stats.spanCountA, stats.matchedSpans, stats.modifiedSpans], [6, 6, 0]);
  assert.equal(diffOf(broken, traceOf(span(9, 0, "other"))).stats.removedSpans, 6);
});

Deno.test("a chain of 20,000 other spans is counted whole and told as far as there is room", () => {
  const chain = (name: string) =>
    traceOf(...Array.from({ length: 20_000 }, (_, i) => span(i + 1, i, name)));
  const diff = diffOf(chain("a"), chain("b"));
  assert.deepEqual([diff.stats.addedSpans, diff.stats.removedSpans], [20_000, 20_000]);
  assert.equal(diff.stats.truncated, true);
  const numbers = [...diff.removed, ...diff.added].reduce((n, { span }) => n + span.path.length, 0);
  assert.ok(numbers > 900_000 && numbers < 1_100_000);
});

Deno.test("any two traces: spans are matched, or removed and added, and the other way round the same", () => {
  const any = fc.array(fc.record({ parent: fc.nat({ max: 20 }), name: fc.nat({ max: 4 }) }), {
    minLength: 1,
    maxLength: 20,
  }).map((links) =>
    traceOf(
      ...links.map(({ parent, name }, i) => span(i + 1, parent, `n${name}`)),
    )
  );
  fc.assert(fc.property(any, any, (a, b) => {
    const { stats, added, removed } = diffOf(a, b);
    assert.equal(stats.matchedSpans + stats.removedSpans, stats.spanCountA);
    assert.equal(stats.matchedSpans + stats.addedSpans, stats.spanCountB);
    const back = diffOf(b, a);
    assert.deepEqual(back.added.map(({ span }) => span), removed.map(({ span }) => span));
    assert.deepEqual(back.removed.map(({ span }) => span), added.map(({ span }) => span));
  }));
});
