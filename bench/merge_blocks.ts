// deno-lint-ignore-file
// What merging costs: `deno run -A bench/merge_blocks.ts [blocks] [spans per block] [percent shared]`. The blocks
// are built by a process of its own; printed are CPU per span, peak memory and sizes of the merge alone.
// Shared are traces that a block has in common with the one before: those are read as spans.
// `make DIR …` and `merge DIR BLOCKS [times]` do one half: the second time nothing is compiled any more.
import process from "node:process";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { defaultDedicated } from "../model/dedicated_attributes.ts";
import { SpanColumns } from "../model/span_columns.ts";
import { LocalObjectStore, mergeBlocks, parseBlockMeta, writeBlock } from "../storage/mod.ts";
import { metaKey } from "../model/block_meta.ts";
import { realisticTraces } from "../tests/support/realistic.ts";

const signal = new AbortController().signal;
const pause = () => Promise.resolve();
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const TENANT = "bench";
const T0_MS = 1_767_268_800_000;

async function make(dir: string, blocks: number, spans: number, shared: number): Promise<void> {
  const store = await LocalObjectStore.open(dir);
  const columns = new SpanColumns(defaultDedicated);
  for (let block = 0; block < blocks; block++) {
    columns.clear();
    const decoder = new OtlpDecoder(columns);
    for (const message of realisticTraces(spans, block + 1)) decoder.decode(message);
    const common = block === 0 || shared === 0 ? [] : realisticTraces(spans * shared / 100, block);
    for (const message of common) decoder.decode(message);
    await writeBlock(
      store,
      {
        tenant: TENANT,
        blockId: idOf(block),
        columns,
        codec: "zstd",
        clampStartMs: T0_MS,
        clampEndMs: T0_MS + 3_600_000,
        replicationFactor: 1,
        hasNoCompactFlag: false,
      },
      pause,
      signal,
    );
  }
}

async function merge(dir: string, blocks: number): Promise<void> {
  const store = await LocalObjectStore.open(dir);
  const inputs = await Promise.all(Array.from({ length: blocks }, async (_, n) => {
    const key = metaKey(TENANT, idOf(n));
    return parseBlockMeta(await store.read(key), key);
  }));
  const before = process.cpuUsage();
  const startedMs = performance.now();
  let peak = 0;
  const watched = () => {
    peak = Math.max(peak, Deno.memoryUsage().rss);
    return Promise.resolve();
  };
  const { spans, meta, spansDeduplicated } = await mergeBlocks(
    store,
    {
      tenant: TENANT,
      blockId: idOf(99),
      inputs,
      codec: "zstd",
      spansPerRowGroup: 80_000,
      bytesPerTraceMax: 5_000_000,
    },
    watched,
    signal,
  );
  const { user, system } = process.cpuUsage(before);
  const bytesIn = inputs.reduce((sum, { size }) => sum + size, 0);
  console.log(
    `${spans} spans, ${spansDeduplicated} dropped: ${
      ((user + system) / spans).toFixed(2)
    } µs CPU a span, ` +
      `${((performance.now() - startedMs) / 1000).toFixed(1)} s, peak RSS ${
        (peak / 2 ** 20).toFixed(0)
      } MiB, ` +
      `${(bytesIn / spans).toFixed(2)} bytes a span in, ${(meta.size / spans).toFixed(2)} out, ` +
      `${meta.totalRecords} row groups`,
  );
}

if (Deno.args[0] === "make") {
  await make(Deno.args[1]!, +Deno.args[2]!, +Deno.args[3]!, +(Deno.args[4] ?? 0));
} else if (Deno.args[0] === "merge") {
  for (let i = 0; i < +(Deno.args[3] ?? 1); i++) await merge(Deno.args[1]!, +Deno.args[2]!);
} else {
  const [blocks = "4", spans = "100000", shared = "0"] = Deno.args;
  const dir = await Deno.makeTempDir();
  try {
    for (const args of [["make", dir, blocks, spans, shared], ["merge", dir, blocks]]) {
      const script = new URL(import.meta.url).pathname;
      await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", script, ...args],
      })
        .spawn().status;
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
