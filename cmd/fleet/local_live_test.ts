import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { mergeAnswers, type MetricsAnswer, type MetricsRequest } from "../../query/engine/mod.ts";
import type { BlockSource, LiveSource } from "../../query/querier/mod.ts";
import { LocalLive } from "./local_live.ts";

const NEVER = new AbortController().signal;
const NOW_MS = 1_767_268_800_000;
const request: MetricsRequest = {
  kind: "metrics",
  tenant: "t",
  query: "{} | rate()",
  startNano: BigInt(NOW_MS - 60_000) * 1_000_000n,
  endNano: BigInt(NOW_MS) * 1_000_000n,
  stepNano: 1_000_000_000n,
  isInstant: false,
  startSeconds: 0,
  endSeconds: NOW_MS / 1000,
  exemplars: 0,
  maxSeries: 0,
};

const answer = (spans: number, coveredBlocks: string[] = []): MetricsAnswer => ({
  ...mergeAnswers(request, []),
  inspectedSpans: spans,
  coveredBlocks,
});

function world(live: MetricsAnswer[], blocks: Readonly<Record<string, number>>) {
  const clock = new SimulatedClock(NOW_MS);
  const runtime = createRuntime({ clock });
  const asked: (readonly string[] | undefined)[] = [];
  const state = { completeToMs: NOW_MS, failedBlocks: [] as string[] };
  const source = (failsOnLag: boolean) =>
    new LocalLive(runtime, {
      live: {
        query: () => Promise.resolve(live),
        findTrace: () => Promise.resolve([new Uint8Array(1)]),
      } as unknown as LiveSource,
      blocks: {
        query: (asking: MetricsRequest) => {
          asked.push(asking.onlyBlocks);
          const blockIds = asking.onlyBlocks ?? Object.keys(blocks);
          const spans = blockIds.reduce((sum, id) => sum + blocks[id]!, 0);
          return Promise.resolve({ answer: answer(spans), blockIds });
        },
        findTrace: () =>
          Promise.resolve({
            traces: [new Uint8Array(2)],
            inspectedBytes: 2,
            failedBlocks: state.failedBlocks,
          }),
      } as unknown as BlockSource,
      watermarks: () => [{ partition: 3, nextOffset: 9, completeToMs: state.completeToMs }],
    }, { failsOnLag, lagToleratedMs: 5_000 });
  return { asked, clock, source, state, metrics: runtime.metrics };
}

Deno.test("a span in a section and in the section's block is counted once", async () => {
  const { asked, source } = world([answer(7, ["b"])], { a: 100, b: 7 });
  const answers = await source(true).query(request, NEVER);
  assert.deepEqual(asked, [undefined, ["a"]]);
  assert.equal(answers.reduce((sum, one) => sum + one.inspectedSpans, 0), 107);
  assert.ok(answers.every(({ coveredBlocks }) => coveredBlocks.length === 0), "ids stay here");
});

Deno.test("blocks are asked once where none is covered", async () => {
  const { asked, source } = world([answer(7, ["c"])], { a: 100 });
  await source(true).query(request, NEVER);
  assert.deepEqual(asked, [undefined]);
});

Deno.test("a question that reaches past what is folded is refused where that is wanted, and counted", async () => {
  const { source, state, metrics } = world([answer(1)], {});
  state.completeToMs = NOW_MS - 5_000;
  await source(true).query(request, NEVER); // reads come in steps
  state.completeToMs = NOW_MS - 9_000;
  await assert.rejects(source(true).query(request, NEVER), (error: Error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /cannot guarantee complete results: partition 3 is 9000 ms behind/);
    return true;
  });
  await source(false).query(request, NEVER);
  const earlier = { ...request, endSeconds: (NOW_MS - 8_000) / 1000 };
  await source(true).query(earlier, NEVER); // all of its time is there
  const text = await metrics.text([]);
  assert.match(text, /tempo_live_store_lagged_requests_total\{route="metrics"\} 2/);
});

Deno.test("a trace is all of its parts, or nothing is said", async () => {
  const { source, state } = world([], {});
  const id = new Uint8Array(16);
  assert.deepEqual((await source(true).findTrace("t", id, NEVER)).map((one) => one.length), [1, 2]);
  state.failedBlocks = ["broken"];
  await assert.rejects(source(true).findTrace("t", id, NEVER), /local blocks.*broken/);
});
