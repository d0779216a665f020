import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { MetricsAnswer, ResultTrace, SearchAnswer, SearchRequest } from "../engine/mod.ts";
import { mergeAnswers, type MetricsRequest } from "../engine/mod.ts";
import type { Answered, Growing } from "./frontend.ts";
import { growingAnswer, type Progress } from "./growing_answer.ts";

const request: SearchRequest = {
  kind: "search",
  tenant: "acme",
  query: "{}",
  limit: 20,
  spansPerSpanSet: 3,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
};
const cost = { inspectedTraces: 0, inspectedSpans: 1, inspectedBytes: 10 };
const answerOf = (...ids: number[]): SearchAnswer => ({
  kind: "search",
  ...cost,
  traces: ids.map((id): ResultTrace => ({
    traceId: String(id),
    rootServiceName: "",
    rootTraceName: "",
    startUnixNano: BigInt(id),
    durationNano: 0n,
    spanSets: [],
    serviceStats: {},
  })),
});
const block = (blockID: string, endSeconds: number) =>
  ({ blockID, endTime: new Date(endSeconds * 1000).toISOString(), size: 100 }) as BlockMeta;
const stats = { totalBlocks: 0, totalJobs: 0, completedJobs: 0, totalBlockBytes: 0 };
const ids = ({ answer }: Growing<SearchAnswer>) => answer.traces.map(({ traceId }) => traceId);

/** A question that is answered by hand, and who reads its answers. */
function asked() {
  const clock = new SimulatedClock();
  const done = Promise.withResolvers<Answered<SearchAnswer>>();
  const stop = new AbortController();
  let progress: Progress<SearchRequest> | undefined;
  let inner: AbortSignal | undefined;
  const answers = growingAnswer(clock, request, stop.signal, (signal, told) => {
    progress = told;
    inner = signal;
    return done.promise;
  })[Symbol.asyncIterator]();
  return {
    clock,
    done,
    stop,
    answers,
    progress: () => progress!,
    wasStopped: () => inner!.aborted,
  };
}

const value = async (next: Promise<IteratorResult<Growing<SearchAnswer>>>) => (await next).value;

Deno.test("an answer grows with what comes, and ends with what is answered anyway", async () => {
  const { clock, done, answers, progress } = asked();
  const first = value(answers.next());
  const newest = block("new", 200);
  progress().began([newest, block("old", 100)]);
  progress().live([answerOf(9), answerOf(8)]);
  const one = await first;
  assert.deepEqual(ids(one), ["9", "8"]);
  assert.deepEqual(one.stats, {
    totalBlocks: 2,
    totalJobs: 3,
    completedJobs: 1,
    totalBlockBytes: 200,
  });
  assert.deepEqual([one.completeFromMs, one.isLast], [201_000, false]);

  const second = value(answers.next());
  progress().answered(answerOf(7), [newest]);
  await clock.advance(100);
  const two = await second;
  assert.deepEqual(ids(two), ["9", "8", "7"]);
  assert.deepEqual([two.stats.completedJobs, two.completeFromMs], [2, 101_000]);

  const last = value(answers.next());
  done.resolve({ answer: answerOf(9, 1), stats });
  const end = await last;
  assert.deepEqual([ids(end), end.completeFromMs, end.isLast], [["9", "1"], 0, true]);
  assert.equal((await answers.next()).done, true);
});

Deno.test("the time from which it is complete moves back block by block", async () => {
  const { clock, done, answers, progress } = asked();
  const blocks = [block("a", 300), block("b", 250), block("c", 100)];
  const first = value(answers.next());
  progress().began(blocks);
  progress().live([]);
  assert.equal((await first).completeFromMs, 301_000);
  const times: number[] = [];
  for (const done of [blocks[1]!, blocks[0]!, blocks[2]!]) {
    const next = value(answers.next());
    progress().answered(answerOf(), [done]);
    await clock.advance(100);
    times.push((await next).completeFromMs);
  }
  assert.deepEqual(times, [301_000, 101_000, 0]);
  done.resolve({ answer: answerOf(), stats });
  await answers.return!();
});

Deno.test("nothing is told before live data, and a quick answer is told once", async () => {
  const { done, answers, progress } = asked();
  const first = value(answers.next());
  progress().began([block("a", 1)]);
  progress().answered(answerOf(1), [block("a", 1)]);
  await Promise.resolve();
  done.resolve({ answer: answerOf(1, 2), stats });
  const only = await first;
  assert.deepEqual([ids(only), only.isLast], [["1", "2"], true]);
  assert.equal((await answers.next()).done, true);
});

Deno.test("who reads slowly gets fewer answers", async () => {
  const { clock, done, answers, progress } = asked();
  const first = value(answers.next());
  const blocks = Array.from({ length: 50 }, (_, i) => block(String(i), i));
  progress().began(blocks);
  progress().live([answerOf(100)]);
  await first;
  blocks.forEach((one, i) => progress().answered(answerOf(i), [one]));
  const second = value(answers.next());
  await clock.advance(100);
  assert.equal(ids(await second).length, 20);
  const last = value(answers.next());
  done.resolve({ answer: answerOf(1), stats });
  assert.equal((await last).isLast, true);
});

Deno.test("a failure is thrown, and who leaves or stops ends the work", async () => {
  const failing = asked();
  const first = failing.answers.next();
  failing.done.reject(new UnavailableError("block b: away"));
  await assert.rejects(first, { message: "block b: away" });

  const left = asked();
  const next = value(left.answers.next());
  left.progress().began([]);
  left.progress().live([]);
  await next;
  await left.answers.return!();
  assert.equal(left.wasStopped(), true);

  const stopped = asked();
  const waiting = stopped.answers.next();
  stopped.stop.abort(new Error("gone away"));
  assert.equal(stopped.wasStopped(), true);
  stopped.done.reject(stopped.stop.signal.reason);
  await assert.rejects(waiting, { message: "gone away" });
});

Deno.test("what is in memory and in a block is counted once, also before the end", async () => {
  const clock = new SimulatedClock();
  const metrics: MetricsRequest = {
    kind: "metrics",
    tenant: "acme",
    query: "{} | count_over_time()",
    startNano: 0n,
    endNano: 1_000_000_000n,
    stepNano: 1_000_000_000n,
    isInstant: true,
    startSeconds: 0,
    endSeconds: 1,
    exemplars: 0,
    maxSeries: 0,
  };
  const counted = (n: number, coveredBlocks: readonly string[] = []): MetricsAnswer => ({
    ...mergeAnswers(metrics, []),
    coveredBlocks,
    leaves: [{
      series: [{ labels: [], bucket: -1, values: Float64Array.of(n), weights: undefined }],
      exemplars: [],
      compared: [],
      crowded: [],
    }],
  });
  const done = Promise.withResolvers<Answered<MetricsAnswer>>();
  let progress: Progress<MetricsRequest> | undefined;
  const answers = growingAnswer(clock, metrics, new AbortController().signal, (_, told) => {
    progress = told;
    return done.promise;
  })[Symbol.asyncIterator]();
  const blocks = [block("b1", 30), block("b2", 20), block("b3", 10)];
  const first = answers.next();
  progress!.began(blocks);
  progress!.answered(counted(1), [blocks[0]!]);
  progress!.answered(counted(20), [blocks[1]!, blocks[2]!]);
  progress!.live([counted(300, ["b1", "b3"])]);
  const { value } = await first;
  assert.equal(value.answer.leaves[0]!.series[0]!.values[0], 300);
  assert.equal(value.completeFromMs, 21_000); // b2 is asked again, without b3
  done.resolve({ answer: counted(0), stats });
  await answers.return!();
});
