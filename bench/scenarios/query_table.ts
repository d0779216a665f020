// The query table: every question to spans in blocks, and to spans in memory, cold and warm, with the
// processor time it takes and how long the API thread stood still meanwhile.
// Cold is the first question to a process just started: opening blocks and compiling are in it. The
// files are in the system's cache either way.
import { systemClock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";
import { BenchServer } from "../bench_server.ts";
import { blockTotals } from "../blocks_on_disk.ts";
import { bucketsBetween, bucketsOf, highest, percentile } from "../figures.ts";
import { processUse } from "../process_use.ts";
import { sendLoad } from "./ingest.ts";
import { type Question, QUESTIONS, type TimeRange } from "./query_questions.ts";

export interface TableOptions {
  readonly spans: number;
  readonly liveSpans: number;
  readonly seed: number;
  readonly times: number;
  /** Names that hold this text; "" is all. */
  readonly matching: string;
}

export interface TableFigures {
  readonly place: "blocks" | "live";
  readonly question: string;
  readonly peerMs: number;
  readonly wantedMs: number;
  readonly spans: number;
  readonly blocks: number;
  /** NaN for live data: a process just started has none. */
  readonly coldMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  /** The API thread's latest timer, at most: the bound of a bucket. */
  readonly stallMs: number;
  readonly answerBytes: number;
}

interface Filled {
  readonly range: TimeRange;
  readonly spans: number;
}

const LAG = "segno_event_loop_lag_seconds";
const FILLED = "filled.json";
/** Of a range as people ask about. */
const HOUR = 3_600;

export async function benchQueryTable(dir: string, options: TableOptions): Promise<TableFigures[]> {
  return [
    ...await benchBlocks(`${dir}/blocks`, options),
    ...await benchLive(`${dir}/live`, options),
  ];
}

/** A folder that was filled before is asked as it is. */
async function benchBlocks(dir: string, options: TableOptions): Promise<TableFigures[]> {
  if (options.spans === 0) return [];
  const { range, spans } = filledBefore(dir) ?? await fill(dir, options);
  const figures: TableFigures[] = [];
  for (const question of chosen(options)) {
    await using server = await BenchServer.start(dir);
    const { blocks } = await blockTotals(server.blocksDir);
    const coldMs = (await ask(server, question, range)).ms;
    const warm = await measure(server, question, range, options.times);
    figures.push({ place: "blocks", ...named(question), spans, blocks, coldMs, ...warm });
  }
  return figures;
}

async function benchLive(dir: string, options: TableOptions): Promise<TableFigures[]> {
  if (options.liveSpans === 0) return [];
  const { liveSpans } = options;
  await using server = await BenchServer.start(dir, { liveSpans });
  const { range, spans } = await load(server, { ...options, spans: liveSpans });
  await sleep(systemClock, 1_000, new AbortController().signal);
  const figures: TableFigures[] = [];
  for (const question of chosen(options)) {
    await ask(server, question, range);
    const warm = await measure(server, question, range, options.times);
    figures.push({ place: "live", ...named(question), spans, blocks: 0, coldMs: NaN, ...warm });
  }
  return figures;
}

const chosen = ({ matching }: TableOptions) =>
  QUESTIONS.filter(({ name }) => name.includes(matching));

const named = ({ name, peer, wanted }: Question) => ({
  question: name,
  peerMs: peer,
  wantedMs: wanted,
});

async function measure(server: BenchServer, question: Question, range: TimeRange, times: number) {
  // The compiler is done with it by then.
  for (let i = 0; i < Math.min(10, times); i++) await ask(server, question, range);
  const { pid } = server.process;
  const lagBefore = bucketsOf(await server.metrics(), LAG);
  const before = processUse(pid);
  const samples: number[] = [];
  let answerBytes = 0;
  for (let i = 0; i < times; i++) {
    const { ms, bytes } = await ask(server, question, range);
    samples.push(ms);
    answerBytes = bytes;
  }
  const cpuSeconds = processUse(pid).cpuSeconds - before.cpuSeconds;
  const lag = bucketsBetween(lagBefore, bucketsOf(await server.metrics(), LAG));
  return {
    p50Ms: percentile(samples, 0.5),
    p99Ms: percentile(samples, 0.99),
    cpuMs: cpuSeconds * 1_000 / times,
    stallMs: highest(lag) * 1_000,
    answerBytes,
  };
}

async function ask({ process }: BenchServer, question: Question, range: TimeRange) {
  const url = process.url + question.path(range);
  const startMs = systemClock.monotonic();
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  const text = await response.text();
  const ms = systemClock.monotonic() - startMs;
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  const { traces, series, tagValues } = JSON.parse(text);
  if (!(traces ?? series ?? tagValues)?.length) throw new Error(`${url}: nothing found`);
  return { ms, bytes: text.length };
}

async function fill(dir: string, options: TableOptions): Promise<Filled> {
  await using server = await BenchServer.start(dir);
  const filled = await load(server, options);
  const { isDrained } = await server.drain(filled.spans, 180_000);
  if (!isDrained) throw new Error("not all spans came into blocks");
  Deno.writeTextFileSync(`${dir}/${FILLED}`, JSON.stringify(filled));
  return filled;
}

function filledBefore(dir: string): Filled | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(`${dir}/${FILLED}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function load(
  { process }: BenchServer,
  { spans, seed }: { readonly spans: number; readonly seed: number },
): Promise<Filled> {
  const sent = await sendLoad(process.ports, {
    protocol: "http",
    spansPerRequest: 300,
    connections: 4,
    secondsMax: 300,
    spansMax: spans,
    seed,
  });
  if (sent.brokenBy !== undefined) throw sent.brokenBy;
  const end = Math.ceil(systemClock.now() / 1_000);
  return { spans: sent.ackedSpans, range: { start: end - HOUR, end } };
}
