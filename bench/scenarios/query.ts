// Questions to finished blocks: a number of spans is sent, built into blocks, and the server started
// again, so that nothing is answered from live data.
import { systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { BenchServer } from "../bench_server.ts";
import { percentile } from "../figures.ts";
import { requestIdOf, type SentTrace, traceIdOf } from "../load/request_source.ts";
import { sendLoad } from "./ingest.ts";

export interface QueryFigures {
  readonly scenario: string;
  readonly question: string;
  readonly spansInBlocks: number;
  readonly blocks: number;
  /** The first time the question is asked of a server just started. */
  readonly coldMs: number;
  readonly times: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Found in each answer, on average. */
  readonly tracesFound: number;
}

export async function benchQueries(
  dir: string,
  options: { spans: number; seed: number; times: number; secondsMax: number },
): Promise<QueryFigures[]> {
  const { traces, spansInBlocks, blocks } = await fill(dir, options);
  await using server = await BenchServer.start(dir);
  const { url } = server.process;
  const random = seededRandom(options.seed + 7);
  const anyTrace = () => traces[Math.floor(random.next() * traces.length)]!;
  const search = (query: () => string) => () =>
    ask(`${url}/api/search?limit=20&q=${encodeURIComponent(query())}`);
  const questions: Record<string, () => Promise<number>> = {
    "trace by id": () => ask(`${url}/api/traces/${traceIdOf(anyTrace())}`),
    "{ status = error }": search(() => "{ status = error }"),
    "URL regex": search(() => "{ span.http.url =~ `.*/orders/[0-9]*42[0-9]*.*` }"),
    "high-cardinality equality": search(() => `{ span.request.id = "${requestIdOf(anyTrace())}" }`),
  };
  const figures: QueryFigures[] = [];
  for (const [question, run] of Object.entries(questions)) {
    const coldMs = await timed(run);
    const samples: number[] = [];
    let found = 0;
    for (let i = 0; i < options.times; i++) {
      samples.push(await timed(async () => found += await run()));
    }
    figures.push({
      scenario: "query",
      question,
      spansInBlocks,
      blocks,
      coldMs,
      times: options.times,
      p50Ms: percentile(samples, 0.5),
      p99Ms: percentile(samples, 0.99),
      tracesFound: found / options.times,
    });
  }
  return figures;
}

async function fill(
  dir: string,
  { spans, seed, secondsMax }: { spans: number; seed: number; secondsMax: number },
): Promise<{ traces: SentTrace[]; spansInBlocks: number; blocks: number }> {
  await using server = await BenchServer.start(dir);
  const load = await sendLoad(server.process.ports, {
    protocol: "http",
    spansPerRequest: 300,
    connections: 4,
    secondsMax,
    spansMax: spans,
    seed,
  });
  if (load.brokenBy !== undefined) throw load.brokenBy;
  const totals = await server.drain(load.ackedSpans, 180_000);
  if (!totals.isDrained) {
    throw new Error(`only ${totals.spans} of ${load.ackedSpans} spans are in blocks`);
  }
  return { traces: load.traces, spansInBlocks: totals.spans, blocks: totals.blocks };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startMs = systemClock.monotonic();
  await action();
  return systemClock.monotonic() - startMs;
}

/** The number of traces in the answer; what is not 200 with something in it is a failure. */
async function ask(url: string): Promise<number> {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  const answer = await response.json() as { traces?: unknown[] };
  const found = answer.traces === undefined ? 1 : answer.traces.length;
  if (found === 0) throw new Error(`${url}: nothing found`);
  return found;
}
