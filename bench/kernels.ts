// deno-lint-ignore-file
// What a block costs in both directions, as the processor time of this process, because the machine is
// shared: `deno run -A bench/kernels.ts [rounds]`. Of several rounds the best counts; the first is not warm, and
// what decodes and writes a whole block is compiled to the end after some ten.
// Figures that are wanted stand beside.
import process from "node:process";
import { ByteCursor } from "../lib/byte_cursor.ts";
import { ByteWriter } from "../lib/byte_writer.ts";
import { seededRandom } from "../lib/random.ts";
import { defaultDedicated } from "../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { SpanColumns } from "../model/span_columns.ts";
import { dataKey } from "../model/block_meta.ts";
import { blockSchema } from "../storage/block/block_schema.ts";
import { writeBlock } from "../storage/block/block_writer.ts";
import { BlockDataWriter } from "../storage/block/row_group_writer.ts";
import { compressorOf } from "../storage/parquet/compress.ts";
import { decodeDelta32, decodeDelta64, decodeRle } from "../storage/parquet/decodings.ts";
import { encodeDelta, encodeDelta64, encodeRle } from "../storage/parquet/encodings.ts";
import { ParquetFile } from "../storage/parquet/file.ts";
import { MemoryObjectStore } from "../storage/store/memory.ts";
import { decodeOtlp, encodeOtlp } from "../tests/support/otlp.ts";
import { realisticTraces } from "../tests/support/realistic.ts";

const ROUNDS = +(Deno.args[0] ?? 12);
const T0_MS = 1_767_268_800_000;

async function best(work: () => unknown): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, user + system);
  }
  return least; // microseconds
}

function line(what: string, unit: string, found: number, wanted: number): void {
  const mark = found >= wanted ? "" : "  short";
  console.log(`${what.padEnd(58)} ${found.toFixed(1).padStart(8)} ${unit} (${wanted})${mark}`);
}

/** Every trace in as many messages as it has resources, among those of its neighbours. */
function interleaved(messages: readonly Uint8Array[]): Uint8Array[] {
  const random = seededRandom(11);
  const parts = messages.flatMap((message, at) =>
    decodeOtlp(message).resourceSpans.map((one: unknown) => ({
      message: encodeOtlp({ resourceSpans: [one] }),
      at: at + random.next() * 50,
    }))
  );
  return parts.sort((a, b) => a.at - b.at).map(({ message }) => message);
}

const columns = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(columns);
const schema = blockSchema(defaultDedicated);

function decode(messages: readonly Uint8Array[]): void {
  decoder.reset();
  for (const message of messages) decoder.decode(message);
}

const store = new MemoryObjectStore();
const BLOCK = "00000000-0000-4000-8000-000000000001";

async function build(pause = () => Promise.resolve()): Promise<void> {
  await writeBlock(
    store,
    {
      tenant: "bench",
      blockId: BLOCK,
      columns,
      codec: "zstd",
      clampStartMs: T0_MS,
      clampEndMs: T0_MS + 3_600_000,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    pause,
    new AbortController().signal,
  );
}

/** What a build of so many spans takes: the peak over what was there before. */
async function memoryOf(size: number): Promise<void> {
  decode(realisticTraces(size));
  const collect = (globalThis as unknown as { gc: () => void }).gc;
  const used = () => {
    collect();
    collect(); // what the first one found unreachable
    const { heapUsed, external } = Deno.memoryUsage();
    return (heapUsed + external) / 2 ** 20;
  };
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    used();
  }
  const before = used();
  let peak = before;
  const { openWriter } = store;
  store.openWriter = async (key) => {
    const writer = await openWriter.call(store, key);
    return { ...writer, write: () => Promise.resolve(), close: () => writer.abort() };
  };
  let pauses = 0;
  await build(() => {
    if (pauses++ % 4 === 0) peak = Math.max(peak, used());
    return Promise.resolve();
  });
  const what = `${columns.length} spans, ${Math.round(before)} MiB with their columns`;
  console.log(`building a block of ${what}: ${(peak - before).toFixed(0)} MiB more`);
}
if (Deno.args[1] !== undefined) {
  await memoryOf(+Deno.args[1]);
  Deno.exit();
}

// The way in.
const messages = realisticTraces(80_000);
decode(messages);
const spans = columns.length;
for (const codec of ["zstd", "snappy", "none"] as const) {
  const us = await best(() => {
    const writer = new BlockDataWriter(schema, compressorOf(codec), () => {});
    writer.writeRowGroup(columns);
    writer.finish();
  });
  const wanted = codec === "zstd" ? 350 : 0;
  line(`columns to block, ${codec}`, "k spans/CPU-s", spans / us * 1000, wanted);
}
const warm = await best(async () => {
  decode(messages);
  await build();
});
line("OTLP bytes to block, warm", "k spans/CPU-s", spans / warm * 1000, 160);
const mixed = interleaved(realisticTraces(100_000, 2));
const mixedUs = await best(async () => {
  decode(mixed);
  await build();
});
const mixedSpans = columns.length;
line(
  "OTLP bytes to block, 100k spans, traces interleaved",
  "k spans/CPU-s",
  mixedSpans / mixedUs * 1000,
  130,
);

// The way back: decodings alone, then columns of the block just built, pages and all.
const COUNT = 1_000_000;
const random = seededRandom(7);
const below = (n: number) => Math.floor(random.next() * n);
const written = (write: (out: ByteWriter) => void) => {
  const out = new ByteWriter(1 << 23);
  write(out);
  return out.written().slice();
};
const rate = async (what: string, count: number, wanted: number, work: () => unknown) =>
  line(what, "M values/CPU-s", count / await best(work), wanted);
for (const width of [3, 8, 17]) {
  const values = Int32Array.from({ length: COUNT }, () => below(2 ** width));
  const bytes = written((out) => encodeRle(out, values, 0, COUNT, width));
  const into = width === 3 ? new Uint8Array(COUNT) : new Int32Array(COUNT);
  const what = width === 3 ? "levels" : "dictionary codes";
  await rate(
    `${what} of ${width} bits`,
    COUNT,
    50,
    () => decodeRle(new ByteCursor(bytes), width, into, 0, COUNT),
  );
}
{
  const values = Int32Array.from({ length: COUNT }, () => below(6));
  const bytes = written((out) => encodeDelta(out, values, 0, COUNT));
  const into = new Int32Array(COUNT);
  await rate("small integers, delta packed", COUNT, 50, () => {
    decodeDelta32(new ByteCursor(bytes), into, 0, COUNT);
  });
}
{
  const times = new BigInt64Array(COUNT);
  for (let i = 0, now = 1_767_268_800_000_000_000n; i < COUNT; i++) {
    times[i] = now += BigInt(below(4_000_000) - 1_000_000);
  }
  const bytes = written((out) => encodeDelta64(out, times));
  const into = new Uint32Array(COUNT * 2);
  await rate("timestamps, delta packed", COUNT, 20, () => {
    decodeDelta64(new ByteCursor(bytes), into, 0, COUNT);
  });
}
const bytes = await store.read(dataKey("bench", BLOCK));
const source = {
  sizeBytes: bytes.length,
  read: (offset: number, size: number) => Promise.resolve(bytes.subarray(offset, offset + size)),
};
const file = await ParquetFile.open(source);
const [group] = file.metadata.rowGroups;
for (
  const [path, wanted] of [
    ["rs.ss.Spans.Name", 50],
    ["rs.ss.Spans.Kind", 0],
    ["rs.ss.Spans.NestedSetLeft", 0],
    ["rs.ss.Spans.StartTimeUnixNano", 20],
    ["rs.ss.Spans.Attrs.Key", 50],
  ] as const
) {
  const { valueCount } = (await file.column(group!, path))!;
  await rate(`column ${path}, levels too`, valueCount * 10, wanted, async () => {
    for (let i = 0; i < 10; i++) await file.column(group!, path);
  });
}

// Memory of a build besides its columns, each in a process of its own: bounded by the row group.
if (Deno.args[1] === undefined) {
  for (const size of [80_000, 400_000]) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--v8-flags=--expose-gc", import.meta.url, "0", `${size}`],
    }).output();
    console.log(new TextDecoder().decode(stdout).trim());
  }
}
