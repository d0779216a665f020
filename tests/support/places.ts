// The same spans where spans can be: in memory, in one block, in many, and in the block that many were
// merged into. Each as the partial answers that a querier would merge.
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import type { SpanView } from "../../model/span_view.ts";
import {
  type AnswerOf,
  compile,
  mergeAnswers,
  type QueryRequest,
  startRun,
} from "../../query/engine/mod.ts";
import {
  BlockCache,
  MemoryObjectStore,
  mergeBlocks,
  openBlock,
  writeBlock,
} from "../../storage/mod.ts";

const signal = new AbortController().signal;
const pause = () => Promise.resolve();
const TENANT = "t";
const CACHE_BYTES = 1 << 26;

/** By name, the views of each place; views of one store's blocks share a cache. */
export type Places = Readonly<Record<string, readonly SpanView[]>>;

export async function placesOf(messages: readonly Uint8Array[], parts: number): Promise<Places> {
  const many = Array.from(
    { length: parts },
    (_, part) => messages.filter((_, i) => i % parts === part),
  ).filter(({ length }) => length > 0);
  const store = new MemoryObjectStore();
  const cache = new BlockCache(CACHE_BYTES);
  const viewsOf = async (metas: readonly BlockMeta[]) => {
    const views: SpanView[] = [];
    for (const meta of metas) {
      const block = await openBlock(store, meta, cache);
      views.push(...block.rowGroups.map(({ index }) => block.view(index)));
    }
    return views;
  };
  const one = await written(store, 1, columnsOf(messages), 80_000);
  const several: BlockMeta[] = [];
  for (const [i, part] of many.entries()) {
    several.push(await written(store, 2 + i, columnsOf(part), 40));
  }
  const { meta: merged } = await mergeBlocks(
    store,
    {
      tenant: TENANT,
      blockId: blockId(99),
      inputs: several,
      codec: "snappy",
      spansPerRowGroup: 60,
      bytesPerTraceMax: 0,
    },
    pause,
    signal,
  );
  return {
    memory: [LiveView.of(columnsOf(messages))],
    "sections of memory": many.map((part) => LiveView.of(columnsOf(part))),
    "one block": await viewsOf([one]),
    "many blocks": await viewsOf(several),
    "a merged block": await viewsOf([merged]),
  };
}

/** One run over all views, as a scanner does it. */
export async function askRun<R extends QueryRequest>(
  views: readonly SpanView[],
  request: R,
): Promise<AnswerOf<R>> {
  const run = startRun(compile(request));
  for (const view of views) await run.add(view, signal);
  return mergeAnswers(request, [run.answer() as AnswerOf<R>]);
}

function columnsOf(messages: readonly Uint8Array[]): SpanColumns {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const message of messages) decoder.decode(message);
  return columns;
}

const blockId = (n: number) => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, "0")}`;

function written(
  store: MemoryObjectStore,
  n: number,
  columns: SpanColumns,
  spansPerRowGroup: number,
): Promise<BlockMeta> {
  const request = {
    tenant: TENANT,
    blockId: blockId(n),
    columns,
    spansPerRowGroup,
    codec: "snappy" as const,
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  return writeBlock(store, request, pause, signal);
}
