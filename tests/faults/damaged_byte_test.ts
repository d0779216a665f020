// One byte of a block of ours is not as it was written: whichever it is, of whichever object, every question
// is answered as before or ends in a CorruptionError.
// The format has checksums for the bodies of pages alone. What it has none for, the block's own meta.json
// has: bloom, file metadata, page indexes, and itself. See docs/adr/0007-checksums-in-meta.md.
import assert from "node:assert/strict";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { type BlockMeta, bloomKey, dataKey, indexKey, metaKey } from "../../model/block_meta.ts";
import { dedicatedAttributes, defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { describeView } from "../support/describe_view.ts";
import { encodeOtlp, type Plain } from "../support/otlp.ts";
import { parseBlockMeta } from "../../storage/meta_json.ts";
import { readPageHeader } from "../../storage/parquet/page_header.ts";
import { MemoryObjectStore } from "../../storage/store/memory.ts";
import { openBlock } from "../../storage/block/block.ts";
import { BlockCache } from "../../storage/block/block_cache.ts";
import { writeBlock } from "../../storage/block/block_writer.ts";

const TENANT = "t";
const BLOCK = "00000000-0000-4000-8000-000000000001";
const T0_NANO = 1_767_268_800_000_000_000n;
const signal = new AbortController().signal;

const traceIdOf = (trace: number) => new Uint8Array(16).fill(trace * 17 + 1);

/** Six traces in three row groups of two stripes or less; all kinds of values, some pages compressed. */
async function smallBlock(dedicated = defaultDedicated) {
  const columns = new SpanColumns(dedicated);
  const decoder = new OtlpDecoder(columns);
  const attributes = (n: number): Plain[] => [
    { key: "http.method", value: { stringValue: n % 2 ? "GET" : "PUT" } },
    { key: "http.status_code", value: { intValue: 200 + n } },
    { key: "text", value: { stringValue: `${n}`.repeat(40) } },
    { key: "number", value: { doubleValue: n / 3 } },
    { key: "flag", value: { boolValue: n % 3 === 0 } },
    { key: "list", value: { arrayValue: { values: [{ intValue: n }, { intValue: n + 1 }] } } },
    { key: "bytes", value: { bytesValue: new Uint8Array([n, 255]) } },
  ];
  for (let trace = 0; trace < 6; trace++) {
    const spans = Array.from({ length: 3 }, (_, i): Plain => ({
      traceId: traceIdOf(trace),
      spanId: new Uint8Array(8).fill(i + 1),
      parentSpanId: new Uint8Array(i === 0 ? 0 : 8).fill(i),
      name: `span ${i} of ${trace}`,
      kind: i + 1,
      startTimeUnixNano: String(T0_NANO + BigInt(trace * 1000 + i)),
      endTimeUnixNano: String(T0_NANO + BigInt(trace * 1000 + i * 500)),
      attributes: attributes(trace * 3 + i),
      events: [{ timeUnixNano: String(T0_NANO), name: "e", attributes: attributes(i) }],
      links: [{ traceId: traceIdOf(7), spanId: new Uint8Array(8).fill(9), attributes: [] }],
      status: { code: i, message: "m".repeat(i) },
    }));
    const resource = {
      attributes: [
        { key: "service.name", value: { stringValue: `service ${trace % 2}` } },
        { key: "k8s.pod.name", value: { stringValue: `pod ${trace}` } },
      ],
    };
    const scope = { name: "s", version: "1", attributes: attributes(trace) };
    decoder.decode(encodeOtlp({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }));
  }
  const store = new MemoryObjectStore();
  const request = {
    tenant: TENANT,
    blockId: BLOCK,
    columns,
    spansPerRowGroup: 6,
    codec: "zstd" as const,
    bloom: { falsePositiveRate: 0.01, shardBytes: 16 },
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  const meta = await writeBlock(store, request, () => Promise.resolve(), signal);
  assert.equal(meta.totalRecords, 3);
  return { store, meta };
}

/** What the block answers to everything; each answer alone may be that it is damaged. */
async function answers(store: MemoryObjectStore, meta: BlockMeta): Promise<string[]> {
  const cache = new BlockCache(1 << 26);
  const told = async (ask: () => Promise<unknown>) => {
    try {
      const answer = await ask();
      return JSON.stringify(
        answer,
        (_, value) => value instanceof Uint8Array ? value.toHex() : value,
      );
    } catch (error) {
      if (error instanceof CorruptionError) return "damaged";
      throw error;
    }
  };
  const asked: Promise<string>[] = [];
  const open = () => openBlock(store, meta, cache);
  for (let trace = 0; trace < 6; trace++) {
    asked.push(told(async () => (await open()).findTrace(traceIdOf(trace))));
  }
  for (const group of [0, 1, 2]) {
    asked.push(told(async () => {
      const view = (await open()).view(group);
      return [await describeView(view), String(view.statistics("StartTimeUnixNano")?.max)];
    }));
    asked.push(told(async () => {
      const view = (await open()).view(group);
      const { owners } = await view.attribute("span", "http.method", { anyOf: ["GET"] });
      return [...owners];
    }));
  }
  return await Promise.all(asked);
}

async function assertTold(
  key: string,
  positions: Iterable<number>,
  flipsOf: (at: number) => number[],
  dedicated = defaultDedicated,
): Promise<number> {
  const { store, meta } = await smallBlock(dedicated);
  const clean = await answers(store, meta);
  assert.ok(!clean.includes("damaged"));
  const whole = store.objects.get(key)!;
  let found = 0;
  for (const at of positions) {
    for (const by of flipsOf(at)) {
      const damaged = whole.slice();
      damaged[at]! ^= by;
      store.objects.set(key, damaged);
      const given = await answers(store, meta);
      for (const [i, answer] of given.entries()) {
        if (answer === "damaged") found++;
        else assert.equal(answer, clean[i], `byte ${at} of ${key}, flipped by ${by}`);
      }
    }
  }
  return found;
}

Deno.test("a flipped byte of the data is told or does no harm", async () => {
  const random = seededRandom(5);
  const { meta } = await smallBlock();
  const byte = () => 1 + Math.floor(random.next() * 255);
  // All of the footer would take minutes and is one checksum.
  const positions = Array.from({ length: 100 }, () => Math.floor(random.next() * meta.size));
  assert.ok(await assertTold(dataKey(TENANT, BLOCK), positions, () => [byte()]) > 60);
});

Deno.test("a flipped bit in the header of a page is told, which no checksum holds", async () => {
  const { store, meta } = await smallBlock();
  const { file } = await openBlock(store, meta, new BlockCache(1 << 26));
  const whole = store.objects.get(dataKey(TENANT, BLOCK))!;
  const group = file.metadata.rowGroups[1]!;
  const headers: number[] = [];
  for (const path of ["rs.ss.Spans.Attrs.Key", "rs.ss.Spans.Name"]) {
    const { offset, dataOffset } = group.chunks.get(path)!;
    assert.ok(offset < dataOffset, "it has a dictionary");
    for (const start of [offset, dataOffset]) {
      const cursor = new ByteCursor(whole, start);
      readPageHeader(cursor);
      for (let at = start; at < cursor.at; at++) headers.push(at);
    }
  }
  const flips = (at: number) => [1 << at % 8, 1 << (at * 3 + 5) % 8];
  assert.ok(await assertTold(dataKey(TENANT, BLOCK), headers, flips) > 100);
});

Deno.test("a flipped byte of a bloom is told, also one that would hide a trace", async () => {
  const { store, meta } = await smallBlock();
  for (let shard = 0; shard < meta.bloomShards; shard++) {
    const key = bloomKey(TENANT, BLOCK, shard);
    const positions = store.objects.get(key)!.keys();
    assert.ok(await assertTold(key, positions, (at) => [1 << at % 8]) > 0);
  }
});

Deno.test("nobody needs the index object, damaged or not", async () => {
  const { store } = await smallBlock();
  const key = indexKey(TENANT, BLOCK);
  const positions = [...store.objects.get(key)!.keys()].filter((at) => at % 7 === 0);
  assert.equal(await assertTold(key, positions, () => [1]), 0);
});

Deno.test("a flipped byte of meta.json is told, or is none of what is read", async () => {
  const custom = dedicatedAttributes([
    { s: "event", n: "x", t: "int", o: ["array"] },
    { n: "y", o: ["blob"] },
  ]);
  for (const dedicated of [defaultDedicated, custom]) {
    const { store, meta } = await smallBlock(dedicated);
    const key = metaKey(TENANT, BLOCK);
    const whole = store.objects.get(key)!;
    assert.deepEqual(parseBlockMeta(whole, key), meta);
    let told = 0;
    for (const at of whole.keys()) {
      for (const by of [1, 2, 16, 64, 128, 255]) {
        const damaged = whole.slice();
        damaged[at]! ^= by;
        try {
          const read = parseBlockMeta(damaged, key);
          // The name of the checksums themselves: without them everything else is as it was.
          const { checksums: _, ...rest } = meta;
          for (const [name, value] of Object.entries(rest)) {
            assert.deepEqual(read[name as keyof BlockMeta], value, `byte ${at} by ${by}`);
          }
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          told++;
        }
      }
    }
    assert.ok(told > whole.length * 5);
  }
});
