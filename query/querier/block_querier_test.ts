import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { CorruptionError, NotFoundError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type AnswerOf,
  mergeAnswers,
  type MetricsRequest,
  type QueryAnswer,
  type QueryRequest,
  type ResultTrace,
  type SearchAnswer,
  type SearchRequest,
} from "../engine/mod.ts";
import { BlockQuerier, type ListedBlocks } from "./block_querier.ts";
import type { ScanResult } from "./block_scanner.ts";
import type { Scanner } from "./scan_pool.ts";

const request: SearchRequest = {
  kind: "search",
  tenant: "acme",
  query: "{}",
  limit: 2,
  spansPerSpanSet: 3,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
};

const metrics: MetricsRequest = {
  kind: "metrics",
  tenant: "acme",
  query: "{} | rate()",
  startNano: 0n,
  endNano: 60_000_000_000n,
  stepNano: 1_000_000_000n,
  isInstant: false,
  startSeconds: 0,
  endSeconds: 60,
  exemplars: 0,
  maxSeries: 0,
};

const aBlock = (
  n: number,
) => ({ tenantID: "acme", blockID: `block-${n}`, size: 10 * n } as BlockMeta);

const trace = (n: number): ResultTrace => ({
  traceId: String(n),
  rootServiceName: "",
  rootTraceName: "",
  startUnixNano: BigInt(n),
  durationNano: 0n,
  spanSets: [],
  serviceStats: {},
});

function answerOf(...traces: number[]): SearchAnswer {
  return {
    kind: "search",
    inspectedTraces: 1,
    inspectedSpans: 10,
    inspectedBytes: 100,
    traces: traces.map(trace),
  };
}

const listOf = (...blocks: BlockMeta[]): ListedBlocks => ({
  blocks: () => blocks,
  blocksOverlapping: () => blocks,
});

/** Answers what it was told to, when it was told to, and remembers what it was asked. */
class FakeScanner implements Scanner {
  readonly asked: string[][] = [];
  wasAborted = false;

  constructor(readonly outcome: () => Promise<SearchAnswer>) {}

  async scan<R extends QueryRequest>(
    _: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    this.asked.push(blocks.map(({ blockID }) => blockID));
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => {
      this.wasAborted = true;
      reject(signal.reason);
    });
    const answer = await Promise.race([this.outcome(), promise]);
    return { answer: answer as ScanResult<R>["answer"], completedBlocks: blocks.length };
  }

  /** Footers say that a block is as large as it is. */
  estimate(_: QueryRequest, blocks: readonly BlockMeta[]): Promise<number> {
    return Promise.resolve(blocks.reduce((sum, { size }) => sum + size, 0));
  }

  async find(_: Uint8Array, blocks: readonly BlockMeta[]) {
    await this.outcome();
    return {
      traces: blocks.map(({ size }) => new Uint8Array(size)),
      failedBlocks: blocks.filter(({ size }) => size === 30).map(({ blockID }) => blockID),
      isListStale: blocks.some(({ blockID }) => blockID === "block-9"),
    };
  }
}

const querierOf = (list: ListedBlocks, ...scanners: Scanner[]) =>
  new BlockQuerier(createRuntime({ clock: new SimulatedClock() }), list, scanners);
const never = () => new Promise<never>(() => {});
const signal = new AbortController().signal;

Deno.test("blocks are dealt among scanners, newest first, and answers merged", async () => {
  const first = new FakeScanner(() => Promise.resolve(answerOf(5)));
  const second = new FakeScanner(() => Promise.resolve(answerOf(7)));
  const list = listOf(aBlock(1), aBlock(2), aBlock(3));
  const wide = { ...request, limit: 9 };
  const { answer, stats } = await querierOf(list, first, second).query(wide, signal);
  // Which one has which is a matter of their ids: homes_test.ts.
  const asked = [first.asked, second.asked];
  assert.deepEqual(asked.flat(2).sort(), ["block-1", "block-2", "block-3"]);
  for (const batches of asked) {
    assert.ok(batches.length > 0);
    assert.deepEqual(batches.flat(), batches.flat().sort(), "newest first");
  }
  assert.deepEqual(answer.traces.map(({ traceId }) => traceId), ["7", "5"]);
  assert.equal(answer.inspectedBytes, 300);
  assert.deepEqual(stats, { totalBlocks: 3, totalJobs: 3, completedJobs: 3, totalBlockBytes: 60 });
});

Deno.test("no blocks: nobody is asked, and the answer is empty", async () => {
  const scanner = new FakeScanner(never);
  const { answer, stats } = await querierOf(listOf(), scanner).query(request, signal);
  assert.deepEqual(scanner.asked, []);
  assert.deepEqual(answer.traces, []);
  assert.equal(stats.totalBlocks, 0);
});

Deno.test("a scanner that has enough stops the others, unless the most recent are asked for", async () => {
  const slow = new FakeScanner(never);
  const list = listOf(aBlock(1), aBlock(2));
  const enough = new FakeScanner(() => Promise.resolve(answerOf(5, 6)));
  const { answer, stats } = await querierOf(list, enough, slow).query(request, signal);
  assert.equal(answer.traces.length, 2);
  assert.equal(stats.completedJobs, 1);
  assert.equal(slow.wasAborted, true);

  const gate = Promise.withResolvers<SearchAnswer>();
  const late = new FakeScanner(() => gate.promise);
  const recent = querierOf(list, enough, late).query({ ...request, mostRecent: true }, signal);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  gate.resolve(answerOf(9));
  assert.deepEqual((await recent).answer.traces.map(({ traceId }) => traceId), ["9", "6"]);
});

Deno.test("a block that cannot be read fails the search; a find names it", async () => {
  const damaged = new FakeScanner(() => Promise.reject(new CorruptionError("bad", 3, "acme/b1")));
  const good = new FakeScanner(() => Promise.resolve(answerOf(1)));
  const list = listOf(aBlock(1), aBlock(2), aBlock(3));
  await assert.rejects(querierOf(list, good, damaged).query(request, signal), {
    name: "CorruptionError",
    message: /acme\/b1/,
  });
  const found = await querierOf(list, good).findTrace("acme", new Uint8Array(16), signal);
  assert.deepEqual(found.traces.map(({ length }) => length), [10, 20, 30]);
  assert.deepEqual(found.failedBlocks, ["block-3"]);
  await assert.rejects(querierOf(list, damaged).findTrace("acme", new Uint8Array(16), signal), {
    name: "CorruptionError",
  });
});

Deno.test("whoever asks can stop", async () => {
  const scanner = new FakeScanner(never);
  const stop = new AbortController();
  const asked = querierOf(listOf(aBlock(1)), scanner).query(request, stop.signal);
  const reason = new Error("gone away");
  stop.abort(reason);
  await assert.rejects(asked, reason);
  assert.equal(scanner.wasAborted, true);
});

Deno.test("a count that names its blocks gets those, or fails", async () => {
  const scanner = new FakeScanner(() =>
    Promise.resolve(mergeAnswers(metrics, []) as QueryAnswer as SearchAnswer)
  );
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const querier = new BlockQuerier(runtime, listOf(aBlock(1), aBlock(2), aBlock(3)), [scanner]);
  const { blockIds } = await querier.query(metrics, new AbortController().signal);
  assert.deepEqual(blockIds, ["block-1", "block-2", "block-3"]);
  const some = { ...metrics, onlyBlocks: ["block-3", "block-1"] };
  await querier.query(some, new AbortController().signal);
  assert.deepEqual(scanner.asked.at(-1), ["block-1", "block-3"]);
  await assert.rejects(
    querier.query({ ...metrics, onlyBlocks: ["block-7"] }, new AbortController().signal),
    { name: "UnavailableError", message: "blocks are gone: block-7" },
  );
});

/** Knows block 9, which is gone, until it is asked to look. */
function staleList(): ListedBlocks & { polls: number } {
  const list = {
    polls: 0,
    blocks: () => [list.polls === 0 ? aBlock(9) : aBlock(1)],
    blocksOverlapping: () => list.blocks(),
    poll: () => Promise.resolve(void list.polls++),
  };
  return list;
}

Deno.test("a question that met a block which is gone is asked once more, of a new list", async () => {
  const list = staleList();
  const scanner = new FakeScanner(() =>
    list.polls === 0
      ? Promise.reject(new NotFoundError("block acme/block-9 is gone"))
      : Promise.resolve(answerOf(4))
  );
  const { answer } = await querierOf(list, scanner).query(request, signal);
  assert.deepEqual(answer.traces.map(({ traceId }) => traceId), ["4"]);
  assert.deepEqual(scanner.asked, [["block-9"], ["block-1"]]);
  assert.equal(list.polls, 1);

  const always = new FakeScanner(() => Promise.reject(new NotFoundError("block is gone")));
  await assert.rejects(querierOf(staleList(), always).query(request, signal), {
    name: "UnavailableError",
    message: "block is gone",
  });
  assert.equal(always.asked.length, 2);
  const lasting = staleList();
  const querier = querierOf(lasting, always);
  for (let i = 0; i < 3; i++) await assert.rejects(querier.query(request, signal));
  assert.equal(lasting.polls, 1, "not for every question");
});

Deno.test("a trace is looked for once more where a block was gone", async () => {
  const list = staleList();
  const scanner = new FakeScanner(() => Promise.resolve(answerOf()));
  const found = await querierOf(list, scanner).findTrace("acme", new Uint8Array(16), signal);
  assert.equal(list.polls, 1);
  assert.deepEqual(found.traces.map(({ length }) => length), [10]);
  assert.deepEqual(Object.keys(found), ["traces", "inspectedBytes", "failedBlocks"]);
});

Deno.test("blocks that do not answer in time fail the question, and their scan is stopped", async () => {
  const clock = new SimulatedClock();
  const scanner = new FakeScanner(never);
  const querier = new BlockQuerier(createRuntime({ clock }), listOf(aBlock(1)), [scanner]);
  const late = assert.rejects(querier.query(request, signal), {
    name: "DeadlineError",
    message: "blocks did not answer within 30000 ms",
  });
  await clock.advance(30_000);
  await late;
  assert.equal(scanner.wasAborted, true);
  const lost = assert.rejects(querier.findTrace("acme", new Uint8Array(16), signal), {
    name: "DeadlineError",
  });
  await clock.advance(10_000);
  await lost;
});

Deno.test("a question that would read more than it may is refused before it reads", async () => {
  const scanner = new FakeScanner(() => Promise.resolve(answerOf(1)));
  const querier = querierOf(listOf(aBlock(1), aBlock(2)), scanner);
  await assert.rejects(querier.query({ ...request, readBytesMax: 29 }, signal), {
    name: "InputError",
    code: "unprocessable",
    message: /would read 30 bytes of 2 blocks, more than the 29 that it may/,
  });
  assert.deepEqual(scanner.asked, []);
  await querier.query({ ...request, readBytesMax: 30 }, signal);
  assert.deepEqual(scanner.asked, [["block-1"], ["block-2"]]);
});

/** Scans when told to, block by block. */
class SteppedScanner implements Scanner {
  readonly waiting: { blocks: readonly BlockMeta[]; go(answer: SearchAnswer): void }[] = [];
  inFlightMax = 0;
  #inFlight = 0;

  async scan<R extends QueryRequest>(_: R, blocks: readonly BlockMeta[], signal: AbortSignal) {
    this.inFlightMax = Math.max(this.inFlightMax, ++this.#inFlight);
    const { promise, resolve, reject } = Promise.withResolvers<SearchAnswer>();
    signal.addEventListener("abort", () => reject(signal.reason));
    this.waiting.push({ blocks, go: resolve });
    const answer = await promise as QueryAnswer as AnswerOf<R>;
    this.#inFlight--;
    return { answer, completedBlocks: blocks.length };
  }

  estimate(): never {
    throw new Error("not asked");
  }

  find(): never {
    throw new Error("not asked");
  }
}

function journal() {
  const entries: string[] = [];
  const names = (blocks: readonly BlockMeta[]) => blocks.map(({ blockID }) => blockID).join(",");
  return {
    entries,
    began: (blocks: readonly BlockMeta[]) => entries.push(`began ${names(blocks)}`),
    answered: ({ traces }: SearchAnswer, blocks: readonly BlockMeta[]) =>
      entries.push(`${names(blocks)}: ${traces.map(({ traceId }) => traceId)}`),
  };
}

const turns = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

Deno.test("whoever wants the parts hears of them as they come, newest blocks first", async () => {
  const scanner = new SteppedScanner();
  const told = journal();
  const list = listOf(aBlock(1), aBlock(2), aBlock(3), aBlock(4));
  const wide = { ...request, limit: 100 };
  const answering = querierOf(list, scanner).query(wide, signal, told);
  const go = async (i: number, trace: number) => {
    scanner.waiting[i]!.go(answerOf(trace));
    await turns();
  };
  await go(1, 20);
  await go(0, 10);
  await go(2, 30);
  await go(3, 40);
  const { answer, stats } = await answering;
  assert.deepEqual(told.entries, [
    "began block-1,block-2,block-3,block-4",
    "block-2: 20",
    "block-1: 10",
    "block-3: 30",
    "block-4: 40",
  ]);
  assert.equal(scanner.inFlightMax, 2);
  assert.deepEqual(answer.traces.map(({ traceId }) => traceId), ["40", "30", "20", "10"]);
  assert.deepEqual([stats.totalJobs, stats.completedJobs], [4, 4]);
});

Deno.test("in parts too, a search stops when it has enough and fails with its first block", async () => {
  const scanner = new SteppedScanner();
  const told = journal();
  const list = listOf(aBlock(1), aBlock(2), aBlock(3));
  const answering = querierOf(list, scanner).query(request, signal, told);
  scanner.waiting[0]!.go(answerOf(1, 2));
  const { answer, stats } = await answering;
  assert.deepEqual([answer.traces.length, stats.completedJobs], [2, 1]);
  assert.deepEqual(told.entries.length, 2);

  const failing = new FakeScanner(() => Promise.reject(new CorruptionError("torn", 7)));
  const failed = querierOf(list, failing).query(request, signal, journal());
  await assert.rejects(failed, CorruptionError);
  assert.ok(failing.asked.length <= 2, "goes on after a failure");
});

Deno.test("the most recent in parts: a block that ends before the oldest found is passed over", async () => {
  const scanner = new SteppedScanner();
  const ending = (n: number, endSeconds: number) => ({
    ...aBlock(n),
    endTime: new Date(endSeconds * 1000).toISOString(),
  });
  const list = listOf(ending(1, 100), ending(2, 99), ending(3, 50));
  const recent = { ...request, mostRecent: true };
  const answering = querierOf(list, scanner).query(recent, signal, journal());
  const at = (seconds: number) => seconds * 1_000_000_000;
  scanner.waiting[0]!.go(answerOf(at(98), at(97)));
  await turns();
  scanner.waiting[1]!.go(answerOf(at(96)));
  const { answer, stats } = await answering;
  assert.equal(scanner.waiting.length, 2);
  assert.deepEqual(answer.traces.map(({ startUnixNano }) => startUnixNano / 1_000_000_000n), [
    98n,
    97n,
  ]);
  assert.deepEqual([stats.totalJobs, stats.completedJobs], [3, 2]);
});
