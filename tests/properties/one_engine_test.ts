// One engine, two views: every recorded query is answered alike over spans in memory and over the block
// that is written from them, whose row groups' answers are merged.

import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import type { BlockFormat } from "../../model/block_meta.ts";
import { type DedicatedAttributes, dedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import type { SpanView } from "../../model/span_view.ts";
import {
  compile,
  execute,
  mergeAnswers,
  type ResultTrace,
  type SearchRequest,
} from "../../query/engine/mod.ts";
import { BlockCache, MemoryObjectStore, openBlock, writeBlock } from "../../storage/mod.ts";
import { recordings } from "../support/golden_http.ts";
import { goldenBlock } from "../support/golden_blocks.ts";
import { goldenSpans } from "../support/golden_spans.ts";

const signal = new AbortController().signal;

async function blockViews(columns: SpanColumns): Promise<SpanView[]> {
  const store = new MemoryObjectStore();
  const meta = await writeBlock(
    store,
    {
      tenant: "t",
      blockId: "00000000-0000-4000-8000-000000000001",
      columns,
      spansPerRowGroup: 500,
      codec: "snappy",
      clampStartMs: 0,
      clampEndMs: 2 ** 42,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    () => Promise.resolve(),
    signal,
  );
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  return block.rowGroups.map(({ index }) => block.view(index));
}

async function answer(views: readonly SpanView[], text: string): Promise<unknown> {
  const request: SearchRequest = {
    kind: "search",
    tenant: "t",
    query: text,
    limit: 0,
    spansPerSpanSet: 0,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
  };
  try {
    const plan = compile(request);
    const answers = [];
    for (const view of views) answers.push(await execute(plan, view, signal));
    return mergeAnswers(request, answers).traces.map(inAnyOrder);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

/** Rows lie in another order in a block. */
function inAnyOrder(trace: ResultTrace): unknown {
  const sorted = <T>(list: readonly T[]) => list.map((item) => told(item)).sort();
  return {
    ...trace,
    spanSets: sorted(trace.spanSets.map(({ spans, ...rest }) => ({
      ...rest,
      spans: sorted(spans.map(({ attributes, ...span }) => ({
        ...span,
        attributes: sorted(attributes),
      }))),
    }))),
  };
}

const told = (value: unknown) =>
  JSON.stringify(value, (_, v) => typeof v === "bigint" ? String(v) : v);

async function dedicationOf(name: string): Promise<DedicatedAttributes> {
  const { format, dedicatedColumns } = (await goldenBlock(name)).meta;
  return dedicatedAttributes(dedicatedColumns!, format as BlockFormat);
}

for (const name of ["v5-default", "v5-custom-dedicated", "v4-default"]) {
  Deno.test(`recorded searches are answered alike over memory and over a block like ${name}`, async () => {
    const columns = goldenSpans(await dedicationOf(name));
    const live = [LiveView.of(columns)];
    const blocks = await blockViews(columns);
    assert.ok(blocks.length > 1);
    const wrong: string[] = [];
    let count = 0;
    for (const text of [...await recordedQueries(), ...ofCustomColumns]) {
      count++;
      const a = await answer(live, text);
      const b = await answer(blocks, text);
      try {
        assert.deepEqual(b, a);
      } catch (error) {
        wrong.push(`${text}\n${(error as Error).message.slice(0, 1500)}`);
      }
    }
    assert.equal(wrong.length, 0, `${wrong.length} of ${count} differ:\n${wrong.join("\n")}`);
  });
}

async function recordedQueries(): Promise<string[]> {
  return (await recordings("search.jsonl.gz")).flatMap(({ path }) =>
    new URL(path, "http://x").searchParams.get("q") ?? []
  );
}

/** About what only the block with columns of its own kind keeps in such. */
const ofCustomColumns = [
  '{ event.exception.type = "IOError" }',
  "{ event.exception.type != nil }",
  "{ event.exception.stacktrace =~ `.*at .*` }",
  "{ event.ev.count > 0 }",
  "{ event.ev.count = nil }",
  "{ event.ev.tags != nil }",
  '{ event.ev.tags = "a" }',
  "{ resource.res.shard > 0 }",
  "{ resource.res.shard = nil && resource.res.region != nil }",
  '{ resource.res.tags = "x" }',
  "{ resource.res.tags != nil } | select(resource.res.tags, resource.res.shard)",
  '{ span.tags.list = "a" || span.int.list = 2 }',
  "{ span.int.list > 1 } | select(span.int.list)",
  "{ span.db.statement =~ `select.*` } | by(span.db.statement)",
  "{ .ev.count != nil } | select(event.ev.count, event.exception.type)",
];
