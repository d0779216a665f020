// deno-lint-ignore-file no-console
// What objects beside a block would give and cost (docs/adr/0013-no-sidecars.md): a store of whole
// traces for lookups by id, and columns of the hottest attributes of the generic list. The second is
// measured as what it would be read like: the same spans with those attributes in dedicated columns.
//   deno run -A bench/sidecars.ts [spans]
import process from "node:process";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { systemClock } from "../lib/clock.ts";
import { seededRandom } from "../lib/random.ts";
import type { BlockMeta, DedicatedColumnMeta } from "../model/block_meta.ts";
import { dedicatedAttributes, defaultDedicated } from "../model/dedicated_attributes.ts";
import { encodeTraces } from "../model/otlp_encode.ts";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { SpanColumns } from "../model/span_columns.ts";
import {
  type Block,
  BlockCache,
  type ByteRange,
  MemoryObjectStore,
  openBlock,
  writeBlock,
} from "../storage/mod.ts";
import { createWaves, RequestSource } from "./load/request_source.ts";

const spans = Number(Deno.args[0] ?? 250_000);
const LOOKUPS = 300;
const signal = new AbortController().signal;

/** Counts what a network would carry. */
class CountingStore extends MemoryObjectStore {
  requests = 0;
  bytes = 0;

  override async readRanges(key: string, ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    const parts = await super.readRanges(key, ranges);
    this.requests += ranges.length;
    this.bytes += parts.reduce((sum, { length }) => sum + length, 0);
    return parts;
  }
}

const store = new CountingStore();

function requests(): Uint8Array[] {
  const random = seededRandom(1);
  const waves = createWaves(random, {
    spansPerRequest: 300,
    requestsPerWave: 3,
    waves: 40,
    roomBytes: 0,
  });
  const source = new RequestSource(systemClock, random, waves);
  const made: Uint8Array[] = [];
  for (let count = 0; count < spans;) {
    const { template } = source.next();
    made.push(template.bytes.slice());
    count += template.spanCount;
  }
  return made;
}

async function build(n: number, extra: readonly DedicatedColumnMeta[]): Promise<BlockMeta> {
  const dedicated = dedicatedAttributes([...defaultDedicated.columns, ...extra]);
  const columns = new SpanColumns(dedicated);
  const decoder = new OtlpDecoder(columns);
  for (const request of sent) decoder.decode(request);
  return await writeBlock(
    store,
    {
      tenant: "bench",
      blockId: `00000000-0000-4000-8000-00000000000${n}`,
      columns,
      codec: "zstd",
      clampStartMs: 0,
      clampEndMs: 2 ** 42,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    () => Promise.resolve(),
    signal,
  );
}

async function cpuMs(times: number, work: () => Promise<unknown> | unknown): Promise<string> {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) await work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / times).toFixed(2);
}

const open = (meta: BlockMeta): Promise<Block> => openBlock(store, meta, new BlockCache(1 << 29));
const perSpan = (bytes: number) => (bytes / spans).toFixed(1);

const sent = requests();
const plain = await build(1, []);
console.log(`block: ${perSpan(plain.size)} bytes a span, ${plain.totalRecords} row groups`);

// ---- whole traces, by id
const block = await open(plain);
const traces: Uint8Array[] = [];
for (let group = 0; group < block.rowGroups.length; group++) {
  const { idWords } = await block.view(group).traces();
  const ids = new Uint8Array(idWords.slice().buffer);
  for (let at = 0; at < ids.length; at += 16) {
    traces.push(encodeTraces((await block.findTraceColumns(ids.slice(at, at + 16)))!));
  }
}
const zstd = (bytes: Uint8Array, level: number) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } });
const joined = (from: number, to: number) => {
  const parts = traces.slice(from, to);
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};
for (const tracesPerFrame of [1, 16, 64]) {
  for (const level of [1, 6]) {
    let size = 0;
    let first: Uint8Array | undefined;
    for (let from = 0; from < traces.length; from += tracesPerFrame) {
      const frame = zstd(joined(from, from + tracesPerFrame), level);
      first ??= frame;
      size += frame.length;
    }
    const ms = await cpuMs(200, () => zstdDecompressSync(first!));
    console.log(
      `trace store, ${tracesPerFrame} traces a frame, zstd ${level}: ${
        perSpan(size)
      } bytes a span ` +
        `(${(size / plain.size * 100).toFixed(0)}% of the block), frame read in ${ms} ms CPU`,
    );
  }
}
const ids: Uint8Array[] = [];
{
  const { idWords } = await block.view(0).traces();
  const all = new Uint8Array(idWords.slice().buffer);
  for (let i = 0; i < LOOKUPS; i++) {
    const row = (i * 397) % (all.length / 16);
    ids.push(all.slice(row * 16, row * 16 + 16));
  }
}
let next = 0;
const find = async () => encodeTraces((await block.findTraceColumns(ids[next++ % LOOKUPS]!))!);
await cpuMs(50, find);
store.requests = store.bytes = 0;
const warm = await cpuMs(LOOKUPS, find);
const read = `${(store.bytes / LOOKUPS / 1024).toFixed(0)} KiB in ${
  (store.requests / LOOKUPS).toFixed(1)
} ranges`;
console.log(`trace by id from the block, dictionaries kept: ${warm} ms CPU, ${read}`);
store.requests = store.bytes = 0;
const cold = await cpuMs(20, async () => {
  await (await open(plain)).findTraceColumns(ids[next++ % LOOKUPS]!);
});
console.log(
  `trace by id from the block, nothing kept: ${cold} ms CPU, ${
    (store.bytes / 20 / 1024).toFixed(0)
  } KiB in ${(store.requests / 20).toFixed(1)} ranges`,
);

// ---- hot attributes
const hot: DedicatedColumnMeta[] = [
  { n: "db.statement" },
  { n: "net.peer.ip" },
  { n: "app.region" },
  { n: "enduser.id" },
  { n: "db.rows_affected", t: "int" },
];
const shredded = await build(2, hot);
const [generic, dedicated] = [await open(plain), await open(shredded)];
const sizes = [...dedicated.file.metadata.rowGroups].reduce((sum, group) => {
  for (const [path, { sizeBytes }] of group.chunks) {
    const isHot = /Spans\.DedicatedAttributes\.(String(0[89]|1[0-9])|Int0[4-9])$/.test(path);
    if (isHot) sum += sizeBytes;
  }
  return sum;
}, 0);
console.log(
  `5 hot attributes: ${perSpan(sizes)} bytes a span beside the block ` +
    `(${(sizes / plain.size * 100).toFixed(1)}%); moved into dedicated columns the block has ` +
    `${perSpan(shredded.size)} instead of ${perSpan(plain.size)}`,
);
for (const { n } of hot) {
  const ask = async (of: Block) => {
    for (let group = 0; group < of.rowGroups.length; group++) {
      await of.view(group).attribute("span", n);
    }
  };
  const line: string[] = [];
  for (
    const [name, meta, of] of [["list", plain, generic], ["column", shredded, dedicated]] as const
  ) {
    const coldMs = await cpuMs(3, async () => await ask(await open(meta)));
    await ask(of);
    const warmMs = await cpuMs(10, () => ask(of));
    line.push(`${name} ${coldMs} ms cold, ${warmMs} warm`);
  }
  console.log(`all values of ${n} on ${spans} spans: ${line.join("; ")}`);
}
