import assert from "node:assert/strict";
import fc from "fast-check";
import { foundTraces, recordings } from "../../tests/support/golden_http.ts";
import { decodeOtlp, encodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import { combineTraces } from "./combine_traces.ts";

const TRACE_ID = new Uint8Array(16).fill(7);
const id = (n: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, n >> 8, n & 255);

interface Sketch {
  readonly id: number;
  readonly kind?: number;
  readonly parent?: number;
  readonly start?: number;
  readonly service?: string;
  readonly scope?: string;
  readonly name?: string;
}

function traceOf(spans: readonly Sketch[]): Uint8Array {
  return encodeOtlp({
    resourceSpans: spans.map(({ service = "s", scope = "", ...span }) => ({
      resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
      scopeSpans: [{
        scope: { name: scope },
        spans: [{
          traceId: TRACE_ID,
          spanId: id(span.id),
          parentSpanId: span.parent === undefined ? new Uint8Array(0) : id(span.parent),
          kind: span.kind ?? 1,
          name: span.name ?? "n",
          startTimeUnixNano: String(span.start ?? 0),
          endTimeUnixNano: String((span.start ?? 0) + 5),
        }],
      }],
    })),
  });
}

function sketchesOf(otlp: Uint8Array): Required<Omit<Sketch, "name">>[] {
  const number = (bytes: Uint8Array) => bytes.length === 0 ? -1 : bytes[6]! * 256 + bytes[7]!;
  return decodeOtlp(otlp).resourceSpans.flatMap((group: Plain) =>
    group.scopeSpans.flatMap((scoped: Plain) =>
      scoped.spans.map((span: Plain) => ({
        id: number(span.spanId),
        kind: span.kind,
        parent: number(span.parentSpanId),
        start: Number(span.startTimeUnixNano),
        service: group.resource.attributes[0].value.stringValue,
        scope: scoped.scope.name,
      }))
    )
  );
}

const ids = (otlp: Uint8Array) => sketchesOf(otlp).map((span) => span.id);

Deno.test("parts of a trace become one, every span once", () => {
  const { otlp, spanCount } = combineTraces([
    traceOf([{ id: 2, start: 2 }, { id: 1, start: 1 }]),
    traceOf([{ id: 3, start: 3 }, { id: 2, start: 2 }]),
  ]);
  assert.deepEqual(ids(otlp), [1, 2, 3]);
  assert.equal(spanCount, 3);
  assert.equal(decodeOtlp(otlp).resourceSpans.length, 1);
});

Deno.test("copies between parts are dropped by id and kind, within a part only if all is equal", () => {
  const cut = combineTraces([
    traceOf([{ id: 1, name: "long" }]),
    traceOf([{ id: 1, name: "lo" }, { id: 1, kind: 4 }]),
  ]);
  assert.equal(cut.spanCount, 2);
  const sentTwice = combineTraces([traceOf([{ id: 1 }, { id: 1 }])]);
  assert.equal(sentTwice.spanCount, 1);
  const sameIdTwice = traceOf([{ id: 1 }, { id: 1, start: 9 }]);
  assert.equal(combineTraces([sameIdTwice]).spanCount, 2);
  assert.equal(combineTraces([sameIdTwice, traceOf([{ id: 1 }])]).spanCount, 2);
  assert.equal(combineTraces([traceOf([{ id: 1 }]), sameIdTwice]).spanCount, 2);
});

Deno.test("groups stand where their first span is, spans by start and id", () => {
  const { otlp } = combineTraces([traceOf([
    { id: 4, start: 5, service: "late" },
    { id: 9, start: 1, service: "early", scope: "b" },
    { id: 8, start: 1, service: "early", scope: "b" },
    { id: 7, start: 9, service: "early", scope: "b" },
    { id: 6, start: 3, service: "early", scope: "a" },
  ])]);
  assert.deepEqual(ids(otlp), [8, 9, 7, 6, 4]);
  assert.equal(decodeOtlp(otlp).resourceSpans.length, 2);
});

Deno.test("a server span that shares the id of its client gets one of its own", () => {
  const { otlp } = combineTraces([traceOf([
    { id: 1, start: 0 }, // so that 1 is taken
    { id: 50, kind: 3, parent: 1, start: 1 },
    { id: 50, kind: 2, parent: 1, start: 2 },
    { id: 60, parent: 50, start: 3 },
    { id: 70, kind: 2, start: 4 },
  ])]);
  assert.deepEqual(
    sketchesOf(otlp).map(({ id, kind, parent }) => [id, kind, parent]),
    [[1, 1, -1], [50, 3, 1], [2, 2, 50], [60, 1, 2], [70, 2, -1]],
  );
});

Deno.test("the order of parts does not matter, and overlapping parts make the whole", () => {
  const sketches = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 400 }),
      kind: fc.integer({ min: 0, max: 5 }),
      parent: fc.integer({ min: 1, max: 400 }),
      start: fc.integer({ min: 0, max: 6 }),
      service: fc.constantFrom("a", "b"),
      scope: fc.constantFrom("", "x"),
    }),
    { selector: ({ id, kind }) => `${id} ${kind}`, minLength: 1, maxLength: 25 },
  );
  fc.assert(
    fc.property(
      sketches,
      fc.array(fc.nat({ max: 7 }), { minLength: 25, maxLength: 25 }),
      (all, masks) => {
        const whole = sketchesOf(combineTraces([traceOf(all)]).otlp);
        const parts = [0, 1, 2].map((part) =>
          traceOf(all.filter((_, i) => ((masks[i]! || 1) >> part & 1) === 1))
        );
        assert.deepEqual(sketchesOf(combineTraces(parts).otlp), whole);
        assert.deepEqual(sketchesOf(combineTraces(parts.reverse()).otlp), whole);
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("recorded traces come in the recorded order, ids and parents", async () => {
  const traces = await foundTraces();
  let compared = 0;
  for (const { group, path, body, status } of await recordings("trace-by-id.jsonl.gz")) {
    if (group !== "v2-json" || status !== 200) continue;
    const traceId = path.split("?")[0]!.split("/").at(-1)!.padStart(32, "0");
    const { resourceSpans } = JSON.parse(body!).trace;
    if (resourceSpans === undefined) continue; // refused when it was sent
    const recorded = resourceSpans.flatMap((batch: Plain) =>
      batch.scopeSpans.flatMap((scoped: Plain) =>
        (scoped.spans ?? []).map((span: Plain) => [
          scoped.scope?.name ?? "",
          fromBase64(span.spanId),
          fromBase64(span.parentSpanId),
          typeof span.kind === "number" ? span.kind : Math.max(0, KINDS.indexOf(span.kind)),
          span.startTimeUnixNano ?? "0",
        ])
      )
    );
    const ours = decodeOtlp(combineTraces([traces.get(traceId)!]).otlp).resourceSpans.flatMap(
      (batch: Plain) =>
        batch.scopeSpans.flatMap((scoped: Plain) =>
          scoped.spans.map((span: Plain) => [
            scoped.scope.name,
            span.spanId.toHex(),
            withoutZeros(span.parentSpanId.toHex()),
            span.kind,
            span.startTimeUnixNano,
          ])
        ),
    );
    assert.deepEqual(ours, IDENTICAL_TWICE.has(traceId) ? distinct(recorded) : recorded, path);
    compared++;
  }
  assert.ok(compared > 110);
});

const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
  .map((kind) => `SPAN_KIND_${kind}`);

/** The peer shows a span twice that was sent twice; we show it once. */
const IDENTICAL_TWICE = new Set(["5749fa15976cedc813052bc15522bab5"]);

const distinct = (rows: unknown[]) =>
  rows.filter((row, i) => JSON.stringify(row) !== JSON.stringify(rows[i + 1]));

const fromBase64 = (text = "") => withoutZeros(Uint8Array.fromBase64(text).toHex());
/** The recording instance emptied parents that were all zero, when it received them. */
const withoutZeros = (hex: string) => /^0+$/.test(hex) ? "" : hex;
