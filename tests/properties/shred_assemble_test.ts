// Whatever was sent, with whatever columns of its own, in a block of either version and row groups of any
// size: found by its id it says again what was sent, and nothing else is in the block.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { encodeTraces } from "../../model/otlp_encode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { BlockCache, MemoryObjectStore, openBlock, writeBlock } from "../../storage/mod.ts";
import { dedications } from "../support/dedications.ts";
import { decodeOtlp, encodeOtlp, type Plain, requests } from "../support/otlp.ts";

const signal = new AbortController().signal;

const traceId = fc.constantFrom(
  "00000000000000000000000000000001",
  "00000000000000ff0000000000000000",
  "000102030405060708090a0b0c0d0e0f",
  "ffffffffffffffffffffffffffffffff",
).map((hex) => Uint8Array.fromHex(hex));

const parentId = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "0101010101010101", "0202020202020202") },
  fc.constantFrom("00", "01", "0000000000000000", "0000000000000001", "00000000000101"),
).map((hex) => Uint8Array.fromHex(hex));

/** A message of one trace, as the log has them; what `requests` leaves out is put in by a sequence. */
const messages = fc.record({
  request: requests,
  trace: traceId,
  parents: fc.array(parentId, { minLength: 1, maxLength: 5 }),
  counts: fc.array(fc.nat({ max: 4_000_000_000 }), { minLength: 1, maxLength: 7 }),
}).map(({ request, trace, parents, counts }) => {
  let next = 0;
  const count = () => counts[next++ % counts.length]! | 0;
  const parent = () => parents[next++ % parents.length]!;
  for (const { scopeSpans } of request.resourceSpans as Plain[]) {
    for (const { spans } of scopeSpans) {
      for (const span of spans) {
        Object.assign(span, {
          traceId: trace,
          parentSpanId: parent(),
          droppedEventsCount: count() >>> 0,
          droppedLinksCount: count() >>> 0,
        });
        for (const part of [...span.events, ...span.links]) {
          part.droppedAttributesCount = count() >>> 0;
        }
      }
    }
  }
  return { trace: trace.toHex(), bytes: encodeOtlp(request) };
});

function decoded(dedicated: DedicatedAttributes, list: readonly { bytes: Uint8Array }[]) {
  const columns = new SpanColumns(dedicated);
  const decoder = new OtlpDecoder(columns, { keepsZeroParents: true });
  for (const { bytes } of list) decoder.decode(bytes);
  return columns;
}

/** Spans with their resource and scope, and groups without spans, in a fixed order. */
function told(traces: Uint8Array): string[] {
  const parts: string[] = [];
  for (const { resource, scopeSpans } of decodeOtlp(traces).resourceSpans) {
    const of = canonical(resource);
    if (scopeSpans.length === 0) parts.push(JSON.stringify({ of }));
    for (const { scope, spans } of scopeSpans) {
      // Of scopes that differ in this alone one is kept.
      const within = canonical({ ...scope, droppedAttributesCount: 0 });
      if (spans.length === 0) parts.push(JSON.stringify({ of, within }));
      for (const span of spans) parts.push(JSON.stringify({ of, within, span: canonical(span) }));
    }
  }
  return parts.sort();
}

function canonical(value: Plain): Plain {
  if (value instanceof Uint8Array) return value.toHex();
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return "-0";
  if (value === null || typeof value !== "object") return value;
  const plain: Plain = {};
  for (const key of Object.keys(value).sort()) plain[key] = canonical(value[key]);
  plain.attributes?.sort((a: Plain, b: Plain) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  return plain;
}

Deno.test("what was written into a block is read from it again, whatever it was", async () => {
  const law = fc.asyncProperty(
    fc.array(messages, { minLength: 1, maxLength: 6 }),
    dedications,
    fc.record({
      spansPerRowGroup: fc.integer({ min: 1, max: 20 }),
      rowGroupBytesMax: fc.constantFrom(1, 300, 1000, 100_000_000),
      codec: fc.constantFrom("zstd" as const, "snappy" as const, "none" as const),
      bloom: fc.constantFrom(
        { falsePositiveRate: 0.01, shardBytes: 102_400 },
        { falsePositiveRate: 0.2, shardBytes: 1 },
      ),
    }),
    async (list, dedicated, shape) => {
      const columns = decoded(dedicated, list);
      fc.pre(columns.length > 0);
      const store = new MemoryObjectStore();
      const request = {
        tenant: "t",
        blockId: "00000000-0000-4000-8000-000000000001",
        columns,
        ...shape,
        clampStartMs: 0,
        clampEndMs: 2 ** 42,
        replicationFactor: 1,
        hasNoCompactFlag: false,
      };
      const meta = await writeBlock(store, request, () => Promise.resolve(), signal);
      const block = await openBlock(store, meta, new BlockCache(1 << 26));
      const byTrace = Map.groupBy(list, ({ trace }) => trace);
      let traces = 0;
      let spans = 0;
      for (const [trace, ofTrace] of byTrace) {
        const sent = decoded(dedicated, ofTrace);
        const found = await block.findTrace(Uint8Array.fromHex(trace));
        if (sent.length === 0) {
          assert.equal(found, undefined);
          continue;
        }
        traces++;
        spans += sent.length;
        assert.deepEqual(told(found!), told(encodeTraces(sent)));
      }
      assert.equal(meta.totalObjects, traces);
      assert.equal(block.rowGroups.reduce((sum, group) => sum + group.spans, 0), spans);
    },
  );
  await fc.assert(law, { numRuns: 120 });
});
