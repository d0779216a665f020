import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { decodeOtlp, encodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import type {
  AnswerOf,
  MetricsAnswer,
  MetricsRequest,
  QueryAnswer,
  QueryRequest,
  ResultTrace,
  SearchAnswer,
  SearchRequest,
} from "../engine/mod.ts";
import type { BlockSource, LiveSource } from "../querier/mod.ts";
import { createFrontend } from "./mod.ts";

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

const trace = (n: number): ResultTrace => ({
  traceId: String(n),
  rootServiceName: "",
  rootTraceName: "",
  startUnixNano: BigInt(n),
  durationNano: 0n,
  spanSets: [],
  serviceStats: {},
});

const answerOf = (...traces: number[]): SearchAnswer => ({
  kind: "search",
  inspectedTraces: 1,
  inspectedSpans: 10,
  inspectedBytes: 100,
  traces: traces.map(trace),
});

const TRACE_ID = new Uint8Array(16).fill(9);

function partOf(...spans: number[]): Uint8Array {
  return encodeOtlp({
    resourceSpans: [{
      resource: {},
      scopeSpans: [{
        scope: {},
        spans: spans.map((n) => ({
          traceId: TRACE_ID,
          spanId: new Uint8Array(8).fill(n),
          startTimeUnixNano: String(n),
          endTimeUnixNano: String(n),
        })),
      }],
    }],
  });
}

/** Both sources as scripts, with a journal of what they saw. */
class Sources {
  readonly journal: string[] = [];
  live: () => Promise<SearchAnswer[]> = () => Promise.resolve([]);
  blocks: () => Promise<SearchAnswer> = () => Promise.resolve(answerOf());
  liveParts: Uint8Array[] = [];
  found: Awaited<ReturnType<BlockSource["findTrace"]>> = {
    traces: [],
    inspectedBytes: 0,
    failedBlocks: [],
  };

  readonly asLive: LiveSource = {
    query: async <R extends QueryRequest>(_: R, signal: AbortSignal) => {
      this.journal.push("live");
      return await this.#until(signal, "live", this.live()) as AnswerOf<R>[];
    },
    findTrace: (_tenant, _traceId) => {
      this.journal.push("live");
      return Promise.resolve(this.liveParts);
    },
  };

  readonly asBlocks: BlockSource = {
    query: async <R extends QueryRequest>(_: R, signal: AbortSignal) => {
      this.journal.push("blocks");
      const answer = await this.#until(signal, "blocks", this.blocks()) as AnswerOf<R>;
      const stats = { totalBlocks: 4, totalJobs: 4, completedJobs: 3, totalBlockBytes: 50 };
      return { answer, stats, blockIds: [] };
    },
    findTrace: () => {
      this.journal.push("blocks");
      return Promise.resolve(this.found);
    },
  };

  async #until<T>(signal: AbortSignal, who: string, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => {
      this.journal.push(`${who} stopped`);
      reject(signal.reason);
    });
    return await Promise.race([work, promise]);
  }
}

function aFrontend() {
  const sources = new Sources();
  const runtime: Runtime = createRuntime({ clock: new SimulatedClock() });
  const frontend = createFrontend(runtime, { live: sources.asLive, blocks: sources.asBlocks });
  return { sources, runtime, frontend };
}

const signal = new AbortController().signal;
const never = () => new Promise<never>(() => {});
const ids = ({ traces }: SearchAnswer) => traces.map(({ traceId }) => traceId);

Deno.test("live data and blocks make one answer, whichever has what", async () => {
  const halves = [answerOf(1), answerOf(3), answerOf(2)];
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) {
    const { sources, frontend } = aFrontend();
    sources.live = () => Promise.resolve([halves[order[0]!]!]);
    sources.blocks = () => Promise.resolve(halves[order[1]!]!);
    const wide = { ...request, limit: 9 };
    const { answer } = await frontend.search(wide, signal);
    const expected = [order[0]!, order[1]!].map((i) => ids(halves[i]!)[0]!).sort().reverse();
    assert.deepEqual(ids(answer), expected);
    assert.equal(answer.inspectedBytes, 200);
  }
});

Deno.test("live data is asked before blocks, in the same turn", async () => {
  const { sources, frontend } = aFrontend();
  const search = frontend.search(request, signal);
  assert.deepEqual(sources.journal, ["live", "blocks"]);
  await search;
  sources.journal.length = 0;
  const find = frontend.findTrace("acme", TRACE_ID, signal);
  assert.deepEqual(sources.journal, ["live", "blocks"]);
  await find;
});

Deno.test("a search that live data alone can answer does not wait for blocks", async () => {
  const { sources, frontend } = aFrontend();
  sources.live = () => Promise.resolve([answerOf(1), answerOf(2)]);
  sources.blocks = never;
  assert.deepEqual(ids((await frontend.search(request, signal)).answer), ["2", "1"]);
  assert.ok(sources.journal.includes("blocks stopped"));
});

Deno.test("a search for the most recent waits for blocks all the same", async () => {
  const { sources, frontend } = aFrontend();
  sources.live = () => Promise.resolve([answerOf(1), answerOf(2)]);
  sources.blocks = () => Promise.resolve(answerOf(8));
  const { answer, stats } = await frontend.search({ ...request, mostRecent: true }, signal);
  assert.deepEqual(ids(answer), ["8", "2"]);
  assert.deepEqual(stats, { totalBlocks: 4, totalJobs: 5, completedJobs: 4, totalBlockBytes: 50 });
});

Deno.test("what fails on one side fails the question and stops the other side", async () => {
  for (const side of ["live", "blocks"] as const) {
    const { sources, frontend } = aFrontend();
    sources.live = never;
    sources.blocks = never;
    const fail = () => Promise.reject(new UnavailableError(`${side} is away`));
    if (side === "live") sources.live = fail;
    else sources.blocks = fail;
    await assert.rejects(frontend.search(request, signal), {
      name: "UnavailableError",
      message: `${side} is away`,
    });
    const other = side === "live" ? "blocks" : "live";
    assert.ok(sources.journal.includes(`${other} stopped`));
  }
});

Deno.test("who asked can stop, which is counted as cancelled", async () => {
  const { sources, runtime, frontend } = aFrontend();
  sources.live = never;
  sources.blocks = never;
  const stop = new AbortController();
  const search = frontend.search(request, stop.signal);
  const reason = new Error("gone away");
  stop.abort(reason);
  await assert.rejects(search, reason);
  sources.live = () => Promise.resolve([]);
  sources.blocks = () => Promise.resolve(answerOf(1));
  await frontend.search(request, signal);
  const text = await runtime.metrics.text();
  for (const result of ["canceled", "completed"]) {
    const line =
      `tempo_query_frontend_queries_total{tenant="acme",op="search",result="${result}"} 1`;
    assert.ok(text.includes(line), text);
  }
});

Deno.test("a trace is put together from live data and blocks", async () => {
  const { sources, frontend } = aFrontend();
  sources.liveParts = [partOf(3), partOf(2, 3)];
  sources.found = { traces: [partOf(1, 2)], inspectedBytes: 77, failedBlocks: [] };
  const found = await frontend.findTrace("acme", TRACE_ID, signal);
  assert.ok(found !== undefined);
  const { otlp, ...rest } = found;
  assert.deepEqual(rest, { spanCount: 3, inspectedBytes: 77, partialBecause: "" });
  const spans = decodeOtlp(otlp).resourceSpans[0].scopeSpans[0].spans;
  assert.deepEqual(spans.map((span: Plain) => span.spanId[0]), [1, 2, 3]);
});

Deno.test("a trace that nobody has is undefined, and unknown if a block could not be read", async () => {
  const { sources, frontend } = aFrontend();
  assert.equal(await frontend.findTrace("acme", TRACE_ID, signal), undefined);
  sources.found = { traces: [], inspectedBytes: 0, failedBlocks: ["acme/b1: damaged"] };
  await assert.rejects(frontend.findTrace("acme", TRACE_ID, signal), {
    name: "UnavailableError",
    message: /acme\/b1: damaged/,
  });
  sources.liveParts = [partOf(1)];
  const found = await frontend.findTrace("acme", TRACE_ID, signal);
  assert.equal(found?.partialBecause, "blocks could not be read: acme/b1: damaged");
});

Deno.test("blocks that hold what was counted from memory are left out of a count", async () => {
  const counted = (n: number, coveredBlocks: readonly string[] = []): MetricsAnswer => ({
    kind: "metrics",
    coveredBlocks,
    leaves: [{
      series: [{ labels: [], bucket: -1, values: Float64Array.of(n), weights: undefined }],
      exemplars: [],
      compared: [],
      crowded: [],
    }],
    inspectedTraces: 0,
    inspectedSpans: 0,
    inspectedBytes: 1,
  });
  const sizes: Readonly<Record<string, number>> = { b1: 10, b2: 200 };
  const asked: (readonly string[] | undefined)[] = [];
  const frontendOver = (covered: readonly string[]) =>
    createFrontend(createRuntime({ clock: new SimulatedClock() }), {
      live: {
        query: <R extends QueryRequest>() =>
          Promise.resolve([counted(3000, covered)] as QueryAnswer[] as AnswerOf<R>[]),
        findTrace: () => Promise.resolve([]),
      },
      blocks: {
        query: <R extends QueryRequest>(request: R) => {
          const only = request.kind === "metrics" ? request.onlyBlocks : undefined;
          asked.push(only);
          const blockIds = only ?? Object.keys(sizes);
          const sum = blockIds.reduce((total, id) => total + sizes[id]!, 0);
          const stats = { totalBlocks: 2, totalJobs: 2, completedJobs: 2, totalBlockBytes: 9 };
          return Promise.resolve({
            answer: counted(sum) as QueryAnswer as AnswerOf<R>,
            stats,
            blockIds,
          });
        },
        findTrace: () => Promise.reject(new Error("not asked")),
      },
    });
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
  for (
    const [covered, expected, onlys] of [
      [["b9"], 3210, [undefined]],
      [["b1"], 3200, [undefined, ["b2"]]],
      [["b2", "b1"], 3000, [undefined, []]],
    ] as const
  ) {
    asked.length = 0;
    const { answer } = await frontendOver(covered).metrics(metrics, signal);
    assert.equal(answer.leaves[0]!.series[0]!.values[0], expected);
    assert.deepEqual(asked, onlys);
  }
});

Deno.test("a question that takes longer than it may is given up, and both sides are stopped", async () => {
  const clock = new SimulatedClock();
  const sources = new Sources();
  sources.live = never;
  sources.blocks = never;
  const frontend = createFrontend(
    createRuntime({ clock }),
    { live: sources.asLive, blocks: sources.asBlocks },
    { timeoutMs: 500, slo: {} },
  );
  const late = assert.rejects(frontend.search(request, signal), {
    name: "UnavailableError",
    message: "unable to process request in the configured timeout",
  });
  await clock.advance(500);
  await late;
  assert.deepEqual(sources.journal.slice(2).sort(), ["blocks stopped", "live stopped"]);
});

Deno.test("metrics are divided by time where nobody knows which blocks hold what is live", async () => {
  const MINUTE = 60_000;
  const SECOND = 1_000_000_000n;
  const clock = new SimulatedClock(1_000 * MINUTE);
  const asked: string[] = [];
  const count = (n: number, ...coveredBlocks: string[]): MetricsAnswer => ({
    kind: "metrics",
    coveredBlocks,
    leaves: [{
      series: [{ labels: [], bucket: -1, values: Float64Array.of(n), weights: undefined }],
      exemplars: [],
      compared: [],
      crowded: [],
    }],
    inspectedTraces: 0,
    inspectedSpans: 0,
    inspectedBytes: 1,
  });
  const remember = (who: string, request: QueryRequest) => {
    if (request.kind !== "metrics") return;
    const minutes = (nano: bigint | undefined) => nano === undefined ? "" : nano / SECOND / 60n;
    asked.push(`${who} ${minutes(request.spansFromNano)}-${minutes(request.spansToNano)}`);
  };
  const stats = { totalBlocks: 2, totalJobs: 2, completedJobs: 2, totalBlockBytes: 9 };
  const frontend = createFrontend(createRuntime({ clock }), {
    live: {
      query: <R extends QueryRequest>(request: R) => {
        remember("live", request);
        return Promise.resolve([count(5, "b1") as QueryAnswer as AnswerOf<R>]);
      },
      findTrace: () => Promise.resolve([]),
    },
    blocks: {
      query: <R extends QueryRequest>(request: R) => {
        remember("blocks", request);
        const answer = count(300) as QueryAnswer as AnswerOf<R>;
        return Promise.resolve({ answer, stats, blockIds: ["b1", "b2"] });
      },
      findTrace: () => Promise.reject(new Error("not asked")),
    },
  }, { timeoutMs: 0, slo: {}, metricsBackendAfterMs: 15 * MINUTE });
  const metrics = (fromMinute: number, toMinute: number): MetricsRequest => ({
    kind: "metrics",
    tenant: "acme",
    query: "{} | count_over_time()",
    startNano: BigInt(fromMinute) * 60n * SECOND,
    endNano: BigInt(toMinute) * 60n * SECOND,
    stepNano: 60n * SECOND,
    isInstant: true,
    startSeconds: 0,
    endSeconds: 1,
    exemplars: 0,
    maxSeries: 0,
  });
  for (
    const [from, to, expected, who] of [
      [900, 1000, 305, ["live 985-", "blocks -985"]],
      [990, 1000, 5, ["live 985-"]],
      [900, 970, 300, ["blocks -985"]],
    ] as const
  ) {
    asked.length = 0;
    const { answer } = await frontend.metrics(metrics(from, to), signal);
    assert.equal(answer.leaves[0]!.series[0]!.values[0], expected);
    assert.deepEqual(answer.coveredBlocks, []);
    assert.deepEqual(asked, who);
    const grown = [];
    for await (const one of frontend.grow(metrics(from, to), signal)) grown.push(one);
    assert.equal(grown.at(-1)!.answer.leaves[0]!.series[0]!.values[0], expected);
  }
});
