// deno-lint-ignore-file house/no-ambient-world
// A real process for a long time, with everything that happens to blocks happening often: sections
// become blocks, blocks are merged, retention marks and deletes them; if wanted the process is killed
// now and then. Clients send at a steady rate and remember what was acknowledged.
// Laws: every acknowledged trace is seen, whole and once, while retention cannot have taken it; when
// sending is over and the time of all blocks too, no object of any block is left.
import { HttpSender } from "../../bench/load/http_sender.ts";
import { createWaves, RequestSource, traceIdOf } from "../../bench/load/request_source.ts";
import { SENDER_ROOM_BYTES } from "../../bench/load/sender.ts";
import { processUse } from "../../bench/process_use.ts";
import { systemClock } from "../../lib/clock.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import { eventually, findTrace, metric, search } from "../support/query_client.ts";
import { freePorts, ServerProcess } from "../support/server_process.ts";
import { type AckedTrace, Ledger } from "./ledger.ts";

export interface SoakOptions {
  readonly dir: string;
  readonly seconds: number;
  readonly spansPerSecond: number;
  /** Live blocks are marked after this, and deleted a quarter of it later. */
  readonly retentionSeconds: number;
  /** How often the process is killed, at random moments. */
  readonly kills: number;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

export interface SoakReport {
  readonly tracesSent: number;
  readonly tracesSeen: number;
  readonly spansSent: number;
  readonly blocksMerged: number;
  readonly blocksDeleted: number;
  readonly kills: number;
  readonly peakMegabytes: number;
  /** Objects of blocks that outlived every retention. */
  readonly leaked: readonly string[];
  readonly problems: readonly string[];
}

const SPANS_PER_REQUEST = 300;
const REQUESTS_PER_WAVE = 3;
/** From an acknowledgement until a search must find it. */
const SETTLE_MS = 3_000;
/** Of the retention, what a look may take: what it asks for must be there until its end. */
const LOOK_SHARE = 0.4;
/** Of one look, about so many traces are asked for by id whatever the search said. */
const BY_ID_MAX = 100;
const PROBLEMS_MAX = 20;
const forever = new AbortController().signal;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const run = new Soak(options);
  try {
    return await run.all();
  } finally {
    await run[Symbol.asyncDispose]();
  }
}

class Soak implements AsyncDisposable {
  readonly #ledger = new Ledger();
  readonly #problems: string[] = [];
  readonly #ports = freePorts();
  readonly #random: Random;
  readonly #source: RequestSource;
  #server: ServerProcess | undefined;
  #sender: HttpSender | undefined;
  #merged = 0;
  #deleted = 0;
  #kills = 0;
  #peakBytes = 0;

  constructor(readonly options: SoakOptions) {
    this.#random = seededRandom(options.seed);
    const waves = createWaves(this.#random, {
      spansPerRequest: SPANS_PER_REQUEST,
      requestsPerWave: REQUESTS_PER_WAVE,
      waves: 4,
      roomBytes: SENDER_ROOM_BYTES,
    });
    this.#source = new RequestSource(systemClock, this.#random, waves);
  }

  async all(): Promise<SoakReport> {
    const { seconds, tell } = this.options;
    await this.#start();
    const startMs = Date.now();
    const killsAtMs = this.#momentsOfDeath(startMs);
    let lookAtMs = startMs + this.#lookEveryMs;
    while (Date.now() < startMs + seconds * 1000) {
      await this.#send();
      if (Date.now() >= lookAtMs) {
        lookAtMs = Date.now() + this.#lookEveryMs;
        await this.#look();
        const { traces, tracesSeen, spans } = this.#ledger;
        const minutes = ((Date.now() - startMs) / 60_000).toFixed(1);
        tell(`${minutes} min: ${spans} spans in ${traces} traces sent, ${tracesSeen} seen`);
      }
      if (killsAtMs.length > 0 && Date.now() >= killsAtMs[0]!) {
        killsAtMs.shift();
        await this.#killAndStart();
      }
      if (this.#problems.length > PROBLEMS_MAX) break;
    }
    await sleep(systemClock, SETTLE_MS, forever);
    await this.#look();
    for (const { traceId } of this.#ledger.unseen()) {
      this.#problems.push(`trace ${traceId} was never seen whole`);
    }
    tell(`sending is over: ${this.#ledger.tracesSeen} of ${this.#ledger.traces} traces seen`);
    const leaked = await this.#waitUntilEmpty();
    await this.#count();
    return {
      tracesSent: this.#ledger.traces,
      tracesSeen: this.#ledger.tracesSeen,
      spansSent: this.#ledger.spans,
      blocksMerged: this.#merged,
      blocksDeleted: this.#deleted,
      kills: this.#kills,
      peakMegabytes: Math.round(this.#peakBytes / 1e6),
      leaked,
      problems: this.#problems.slice(0, PROBLEMS_MAX),
    };
  }

  /** Twice within the time that a trace is safe from retention. */
  get #lookEveryMs(): number {
    return this.options.retentionSeconds * 1000 / 3;
  }

  #momentsOfDeath(startMs: number): number[] {
    const { kills, seconds } = this.options;
    return Array.from({ length: kills }, () => startMs + this.#random.next() * seconds * 900)
      .sort((a, b) => a - b);
  }

  async #start(): Promise<void> {
    const { dir, retentionSeconds } = this.options;
    this.#server = await ServerProcess.start({
      dir,
      ports: this.#ports,
      segno: SEGNO,
      config: configWith(retentionSeconds),
      readyWithinMs: 120_000,
    });
    this.#sender = await HttpSender.open(this.#ports.otlpHttp);
  }

  /** A wave: its traces are acknowledged whole or not remembered. */
  async #send(): Promise<void> {
    const startedMs = Date.now();
    let isWhole = true;
    let spans = 0;
    for (;;) {
      const { template, finishedTraces, isWaveEnd } = this.#source.next();
      const outcome = await this.#sender!.send(template);
      spans += template.spanCount;
      if (!outcome.isAcked) {
        isWhole = false;
        this.#problems.push(`a healthy server refused: ${outcome.reason}`);
      }
      if (!isWaveEnd) continue;
      const ackedMs = Date.now();
      if (isWhole) {
        for (const trace of finishedTraces()) {
          this.#ledger.acked(traceIdOf(trace), trace.spanCount, ackedMs);
        }
      }
      const dueMs = startedMs + spans / this.options.spansPerSecond * 1000;
      if (dueMs > ackedMs) await sleep(systemClock, dueMs - ackedMs, forever);
      return;
    }
  }

  /** Asks for everything that must be there, and compares. */
  async #look(): Promise<void> {
    const { retentionSeconds } = this.options;
    const nowMs = Date.now();
    const lookMs = retentionSeconds * 1000 * LOOK_SHARE;
    const fromMs = nowMs - retentionSeconds * 1000 + lookMs;
    const wanted = this.#ledger.between(fromMs, nowMs - SETTLE_MS);
    if (wanted.length === 0) return;
    const found = await this.#found(wanted, fromMs, nowMs);
    if (Date.now() > nowMs + lookMs) {
      this.#problems.push(`a look took ${Date.now() - nowMs} ms`);
    }
    this.#problems.push(...this.#ledger.compare(wanted, found));
    await this.#count();
  }

  /**
   * By trace id, the spans found: by search, and by id where that found fewer, for of a trace that lies
   * in several blocks a search tells the largest part.
   */
  async #found(wanted: AckedTrace[], fromMs: number, nowMs: number): Promise<Map<string, number>> {
    const { url } = this.#server!;
    const traces = await search(url, '{ resource.service.namespace != "" }', {
      limit: 250_000,
      spss: 1,
      start: Math.floor(fromMs / 1000) - 60,
      end: Math.ceil(nowMs / 1000) + 60,
    });
    const found = new Map(traces.map(({ traceId, matched }) => [traceId, matched]));
    if (found.size !== traces.length) this.#problems.push("a trace is told twice");
    const sampled = Math.ceil(wanted.length / BY_ID_MAX);
    for (const [i, { traceId, spanCount }] of wanted.entries()) {
      const matched = found.get(traceId) ?? 0;
      if (matched === 0) this.#problems.push(`trace ${traceId} is not found by search`);
      if (matched === spanCount && i % sampled !== 0) continue;
      const spans = await findTrace(url, traceId);
      const distinct = new Set(spans.map((span) => `${span.spanId} ${span.kind}`));
      if (distinct.size !== spans.length) this.#problems.push(`trace ${traceId} has a span twice`);
      found.set(traceId, spans.length);
    }
    return found;
  }

  /** Counters begin anew with each life, so they are added up before it ends. */
  async #count(): Promise<void> {
    const { url, pid } = this.#server!;
    const life = {
      merged: await metric(url, "tempodb_compaction_blocks_total"),
      deleted: await metric(url, "tempodb_retention_deleted_total"),
    };
    this.#merged = this.#mergedBefore + life.merged;
    this.#deleted = this.#deletedBefore + life.deleted;
    this.#peakBytes = Math.max(this.#peakBytes, processUse(pid).peakBytes);
  }

  #mergedBefore = 0;
  #deletedBefore = 0;

  async #killAndStart(): Promise<void> {
    await this.#count();
    this.#mergedBefore = this.#merged;
    this.#deletedBefore = this.#deleted;
    // In the middle of whatever it does: the last wave was answered a moment ago.
    await sleep(systemClock, this.#random.next() * 500, forever);
    await this.#sender![Symbol.asyncDispose]();
    await this.#server!.kill();
    this.#kills++;
    await this.#start();
  }

  /** Waits as long as retention may take with everything, and answers what is left then. */
  async #waitUntilEmpty(): Promise<string[]> {
    const { dir, retentionSeconds, tell } = this.options;
    const flushed = await fetch(`${this.#server!.url}/flush`, { method: "POST" });
    await flushed.body?.cancel();
    const withinMs = retentionSeconds * 1000 * 2 + 60_000;
    tell(`waiting until retention has taken everything, at most ${withinMs / 1000} s`);
    return await eventually(
      () => Promise.resolve(objectsOfBlocks(`${dir}/data/blocks`)),
      (objects) => objects.length === 0,
      withinMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sender?.[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
  }
}

/** Sections of seconds, so that there is something to merge all the time. */
const SEGNO = `  section: {spans_max: 20000, age_max: 3s}
  leftover_grace: 20s
  log: {segment_bytes: 8388608, retention: 20s}`;

function configWith(retentionSeconds: number): string {
  return `
storage: {trace: {blocklist_poll: 5s}}
backend_scheduler:
  maintenance_interval: 1s
  provider:
    retention: {interval: 5s}
    compaction: {min_cycle_interval: 1s}
backend_worker:
  backoff: {max_period: 1s}
  compaction:
    block_retention: ${retentionSeconds}s
    compacted_block_retention: ${Math.ceil(retentionSeconds / 4)}s
overrides:
  defaults:
    ingestion: {rate_limit_bytes: 1000000000, burst_size_bytes: 1000000000}
`;
}

/** Everything below <tenant>/<block>/; what lies beside, indexes and state, is no block's. */
export function objectsOfBlocks(blocksDir: string): string[] {
  const found: string[] = [];
  const walk = (path: string, depth: number) => {
    for (const entry of entriesOf(path)) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory) walk(below, depth + 1);
      else if (depth >= 2) found.push(below.slice(blocksDir.length + 1));
    }
  };
  walk(blocksDir, 0);
  return found;
}

function entriesOf(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
