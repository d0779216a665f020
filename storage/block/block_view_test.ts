// A block says of its spans what the columns it was written from say.
import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import type { AttributeScope, SpanView } from "../../model/span_view.ts";
import { describeValues, describeView } from "../../tests/support/describe_view.ts";
import { goldenBlock, goldenBlocks } from "../../tests/support/golden_blocks.ts";
import { encodeOtlp, type Plain, requests } from "../../tests/support/otlp.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { dedications } from "../../tests/support/dedications.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import type { BlockView } from "./block_view.ts";
import { writeBlock } from "./block_writer.ts";
import { dedicatedOfBlock } from "./dedicated_columns.ts";
import { isSpanData, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";

const SCOPES: AttributeScope[] = ["resource", "instrumentation", "span", "event", "link"];

function columnsOf(messages: readonly Plain[], dedicated = defaultDedicated): SpanColumns {
  const columns = new SpanColumns(dedicated);
  const decoder = new OtlpDecoder(columns);
  for (const message of messages) decoder.decode(encodeOtlp(message));
  return columns;
}

/** Views of a block of these columns, one for each row group. */
async function viewsOf(columns: SpanColumns, spansPerRowGroup: number): Promise<BlockView[]> {
  const store = new MemoryObjectStore();
  const request = {
    tenant: "t",
    blockId: "00000000-0000-4000-8000-000000000001",
    columns,
    spansPerRowGroup,
    codec: "snappy" as const,
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  const pause = () => Promise.resolve();
  const meta = await writeBlock(store, request, pause, new AbortController().signal);
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  return block.rowGroups.map(({ index }) => block.view(index));
}

/** Far apart times are another matter: here they lie within some days, as those of a block do. */
const plainRequests = fc.array(requests, { minLength: 1, maxLength: 4 }).map((messages) => {
  const near = (time: string) => String(BigInt(time) % 10n ** 15n + 1_767_268_800_000_000_000n);
  for (const message of messages) {
    const hasSpans = ({ scopeSpans }: Plain) =>
      scopeSpans.some(({ spans }: Plain) => spans.length > 0);
    message.resourceSpans = message.resourceSpans.filter(hasSpans);
    for (const { scopeSpans } of message.resourceSpans) {
      for (const { spans } of scopeSpans) {
        for (const span of spans as Plain[]) {
          span.startTimeUnixNano = near(span.startTimeUnixNano);
          span.endTimeUnixNano = near(span.endTimeUnixNano);
          for (const event of span.events) event.timeUnixNano = near(event.timeUnixNano);
        }
      }
    }
  }
  return messages;
});

Deno.test("a block's views say of all spans what its columns say, whatever has a column", async () => {
  const groups = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(plainRequests, dedications, groups, async (messages, dedicated, perGroup) => {
      const columns = columnsOf(messages, dedicated);
      fc.pre(columns.length > 0);
      const views = await viewsOf(columns, perGroup);
      const described = (await Promise.all(views.map(describeView))).flat();
      const expected = await describeView(LiveView.of(columns));
      const told = dedicated.format === "vParquet4" ? withoutChildCount : asTold;
      assert.deepEqual(described.map(told).sort(), expected.map(told).sort());
      for (const view of views) assert(view.inspectedBytes > 0);
    }),
    { numRuns: 40 },
  );
});

const asTold = (span: string) => span;

/** vParquet4 does not store it, and what is derived does not know of spans that no root leads to. */
function withoutChildCount(span: string): string {
  const { nested: [left, right, parent], ...plain } = JSON.parse(span);
  return JSON.stringify({ left, right, parent, ...plain });
}

for (const name of Object.keys(goldenBlocks)) {
  Deno.test(`views of ${name} say what its spans say as columns`, async () => {
    const { store, meta } = await goldenBlock(name);
    const block = await openBlock(store, meta, new BlockCache(1 << 26));
    for (const { index } of block.rowGroups) {
      const view = block.view(index);
      const columns = new SpanColumns(dedicatedOfBlock(meta));
      const { group } = view;
      const rows = await RowColumns.read(block.file, group, 0, group.rows, isSpanData);
      new SpanReader(columns).read(rows, block.dedicated);
      assert.equal(view.spanCount, columns.length);
      const described = await describeView(view);
      const expected = await describeView(LiveView.of(columns));
      assert.deepEqual(withoutDerived(described), withoutDerived(expected));
    }
  });
}

/** Left out is what blocks store and columns derive: that has tests of its own, where it is derived. */
function withoutDerived(spans: readonly string[]): string[] {
  return spans.map((span) => {
    const { trace, nested: _, ...plain } = JSON.parse(span);
    return JSON.stringify({ id: trace.id, start: trace.start, end: trace.end, ...plain });
  }).sort();
}

Deno.test("owners of wanted strings are those whose strings are wanted", async () => {
  await fc.assert(
    fc.asyncProperty(plainRequests, fc.nat({ max: 2 }), async (messages, which) => {
      const columns = columnsOf(messages);
      fc.pre(columns.length > 0);
      const [view] = await viewsOf(columns, 1000);
      for (const scope of SCOPES) {
        const keys = ["service.name", "http.method", "none", ...await view!.attributeKeys(scope)];
        for (const key of keys.slice(0, 8)) {
          const texts = ["nowhere", ...await textsOf(view!, scope, key), ""];
          const anyOf = texts.filter((_, i) => i % 3 === which || texts.length < 3);
          const wanted = await ownersWith(view!, scope, key, anyOf);
          const found = await view!.attribute(scope, key, { anyOf });
          // More may be left in, and nothing that is wanted may be left out.
          const owners = [...describeValues(found).keys()];
          assert.deepEqual(owners, wanted, `${scope} ${key} ${JSON.stringify(anyOf)}`);
        }
      }
    }),
    { numRuns: 30 },
  );
});

async function textsOf(view: SpanView, scope: AttributeScope, key: string): Promise<string[]> {
  const { strings } = await view.attribute(scope, key);
  return [...new Set(strings && strings.codes.subarray(0, strings.length))].map((code) =>
    strings!.strings.text(code)
  );
}

async function ownersWith(
  view: SpanView,
  scope: AttributeScope,
  key: string,
  texts: readonly string[],
): Promise<number[]> {
  const all = describeValues(await view.attribute(scope, key));
  const isWanted = (told: string) => texts.some((text) => told === `string ${text}`);
  return [...all].filter(([, told]) => told.some(isWanted))
    .map(([owner]) => owner);
}
