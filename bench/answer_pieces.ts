// What an answer costs on its way to another process: as a whole and in pieces, both ways, and the longest
// turn that a thread is held.
//   deno run -A --no-check bench/answer_pieces.ts
import { systemClock } from "../lib/clock.ts";
import type { MetricsAnswer, ResultTrace, SearchAnswer } from "../query/engine/mod.ts";
import { decodeAnswer, encodeAnswer, Pieces, piecesOf } from "../query/querier/mod.ts";

function metricsAnswer(count: number): MetricsAnswer {
  const series = Array.from({ length: count }, (_, i) => ({
    labels: [
      { key: "resource.service.name", value: { stringValue: `service-${i}` } },
      { key: "name", value: { stringValue: `GET /api/v${i}/things` } },
    ],
    bucket: -1,
    values: Float64Array.from({ length: 240 }, (_, j) => i * j % 97),
    weights: undefined,
  }));
  return {
    kind: "metrics",
    leaves: [{ series, exemplars: [], compared: [], crowded: [] }],
    coveredBlocks: [],
    inspectedTraces: 0,
    inspectedSpans: 1_000_000,
    inspectedBytes: 10_000_000,
  };
}

function searchAnswer(count: number): SearchAnswer {
  const traces = Array.from({ length: count }, (_, i): ResultTrace => ({
    traceId: i.toString(16).padStart(32, "0"),
    rootServiceName: "gateway",
    rootTraceName: "GET /",
    startUnixNano: 1_795_000_000_000_000_000n + BigInt(i),
    durationNano: 1_000_000n,
    spanSets: [{
      matched: 9,
      attributes: [],
      spans: Array.from({ length: 3 }, (_, j) => ({
        spanId: j.toString(16).padStart(16, "0"),
        name: "SELECT",
        startUnixNano: 1_795_000_000_000_000_000n,
        durationNano: 1_000n,
        attributes: [
          { key: "http.status_code", value: { intValue: "500" } },
          { key: "service.name", value: { stringValue: "db" } },
        ],
      })),
    }],
    serviceStats: { gateway: { spanCount: 4, errorCount: 0 }, db: { spanCount: 9, errorCount: 1 } },
  }));
  return { kind: "search", traces, inspectedTraces: 1, inspectedSpans: 1, inspectedBytes: 1 };
}

const ROUNDS = 30;

function median(work: () => number): string {
  const times = Array.from({ length: ROUNDS }, work).sort((a, b) => a - b);
  return times[ROUNDS >> 1]!.toFixed(2);
}

function timed(work: () => void): number {
  const startMs = systemClock.monotonic();
  work();
  return systemClock.monotonic() - startMs;
}

function longest(steps: Iterator<unknown>): number {
  let longestMs = 0;
  for (let done: boolean | undefined = false; !done;) {
    longestMs = Math.max(longestMs, timed(() => done = steps.next().done));
  }
  return longestMs;
}

const cases: [string, unknown][] = [
  ["metrics, 500 series of 240", metricsAnswer(500)],
  ["metrics, 10,000 series of 240", metricsAnswer(10_000)],
  ["search, 100 traces", searchAnswer(100)],
  ["search, 10,000 traces", searchAnswer(10_000)],
];
for (const [name, answer] of cases) {
  const whole = encodeAnswer(answer);
  const pieces = [...piecesOf(answer)];
  const read = function* () {
    const all = new Pieces();
    for (const piece of pieces) yield all.add(piece);
  };
  const kilobytes = Math.round(whole.length / 1024);
  // deno-lint-ignore no-console -- it is what the bench is for
  console.log(
    `${name}: ${kilobytes} kB, whole ${median(() => timed(() => encodeAnswer(answer)))} + ` +
      `${median(() => timed(() => decodeAnswer(whole)))} ms, ${pieces.length} pieces ` +
      `${median(() => timed(() => [...piecesOf(answer)]))} + ` +
      `${median(() => timed(() => [...read()]))} ms, longest turns ` +
      `${median(() => longest(piecesOf(answer)))} and ${median(() => longest(read()))} ms`,
  );
}
