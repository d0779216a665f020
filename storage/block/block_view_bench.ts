// Questions to one row group of 85,000 spans and 935,000 attributes, and traces by id.
//   deno bench -A storage/block/block_view_bench.ts
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { LocalObjectStore } from "../store/local.ts";
import { type Block, openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import type { BlockView } from "./block_view.ts";
import { writeBlock } from "./block_writer.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const store = await LocalObjectStore.open(folder);
const columns = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(columns);
for (const trace of realisticTraces(85_000)) decoder.decode(trace);
const meta = await writeBlock(
  store,
  {
    tenant: "bench",
    blockId: "00000000-0000-4000-8000-000000000001",
    columns,
    codec: "snappy",
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  },
  () => Promise.resolve(),
  new AbortController().signal,
);
const open = (): Promise<Block> => openBlock(store, meta, new BlockCache(1 << 29));
const warm = await open();
const { idWords } = await warm.view(0).traces();
let next = 0;

function anyTrace(): Uint8Array {
  const row = (next += 397) % (idWords.length / 4);
  return new Uint8Array(idWords.slice(row * 4, row * 4 + 4).buffer);
}

Deno.bench("a trace by id, warm", async () => {
  await warm.findTrace(anyTrace());
});
Deno.bench("a trace by id, block opened first", async () => {
  await (await open()).findTrace(anyTrace());
});
Deno.bench("a trace that the block lacks", async () => {
  await warm.findTrace(new Uint8Array(16).fill(7));
});

const questions: Record<string, (view: BlockView) => Promise<unknown>> = {
  "a key that is not there": (view) => view.attribute("span", "none"),
  "a value that is not there, generic": (view) =>
    view.attribute("span", "request.id", { anyOf: ["0123456789abcdeg"] }),
  "a value that is not there, dedicated": (view) =>
    view.attribute("span", "http.url", { anyOf: ["https://shop.example.com/none"] }),
  "a value of a third of spans, generic": (view) =>
    view.attribute("span", "db.system", { anyOf: ["redis"] }),
  "a value of a third of spans, dedicated": (view) =>
    view.attribute("span", "http.method", { anyOf: ["PUT"] }),
  "all values of a generic key": (view) => view.attribute("span", "db.statement"),
  "all values of a boolean key": (view) => view.attribute("span", "retry"),
  "durations": (view) => view.durationNano(),
  "nested sets": (view) => view.nestedSets(),
};

for (const [name, ask] of Object.entries(questions)) {
  const view = warm.view(0);
  await ask(view);
  Deno.bench(`${name}, warm`, async () => {
    await ask(view);
  });
  Deno.bench(`${name}, block opened first`, async () => {
    await ask((await open()).view(0));
  });
}
