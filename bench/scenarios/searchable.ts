// How long after its acknowledgement a span is found by a search, while other spans keep coming.
import { systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import { BenchServer } from "../bench_server.ts";
import { percentile } from "../figures.ts";
import { HttpSender } from "../load/http_sender.ts";
import { requestIdOf } from "../load/request_source.ts";
import { loadSource, sendLoad } from "./ingest.ts";

export interface SearchableFigures {
  readonly scenario: "searchable";
  readonly tries: number;
  readonly searchableMsP50: number;
  readonly searchableMsMax: number;
}

const TRIES = 10;
const POLL_MS = 10;
const GIVE_UP_MS = 10_000;

export async function benchSearchable(dir: string, seed: number): Promise<SearchableFigures> {
  await using server = await BenchServer.start(dir);
  const { ports, url } = server.process;
  const stop = new AbortController();
  const options = { protocol: "http", spansPerRequest: 300, connections: 2, seed } as const;
  const limits = { secondsMax: 120, spansMax: Infinity, signal: stop.signal };
  const load = sendLoad(ports, { ...options, ...limits });
  const samples: number[] = [];
  try {
    await using sender = await HttpSender.open(ports.otlpHttp);
    const source = loadSource({ spansPerRequest: 30, seed: seed + 1 }, 99, 1);
    const jitter = seededRandom(seed);
    while (samples.length < TRIES) {
      await sleep(systemClock, 200 + 300 * jitter.next(), stop.signal);
      const { template, finishedTraces } = source.next();
      const outcome = await sender.send(template);
      if (!outcome.isAcked) throw new Error(`the marked trace was refused: ${outcome.reason}`);
      const query = `{ span.request.id = "${requestIdOf(finishedTraces()[0]!)}" }`;
      samples.push(await untilFound(url, query));
    }
  } finally {
    stop.abort();
    await load;
  }
  return {
    scenario: "searchable",
    tries: samples.length,
    searchableMsP50: percentile(samples, 0.5),
    searchableMsMax: Math.max(...samples),
  };
}

async function untilFound(url: string, query: string): Promise<number> {
  const startMs = systemClock.monotonic();
  for (;;) {
    const response = await fetch(`${url}/api/search?q=${encodeURIComponent(query)}&limit=1`);
    if (!response.ok) throw new Error(`search: ${response.status} ${await response.text()}`);
    const { traces } = await response.json() as { traces?: unknown[] };
    const waitedMs = systemClock.monotonic() - startMs;
    if (traces !== undefined && traces.length > 0) return waitedMs;
    if (waitedMs > GIVE_UP_MS) throw new Error(`not found after ${GIVE_UP_MS} ms: ${query}`);
    await sleep(systemClock, POLL_MS, new AbortController().signal);
  }
}
