// deno-lint-ignore-file house/no-ambient-world
// A client of a fleet that does not give up: sends spans at a steady rate to whichever distributor answers, again
// and again until they are acknowledged, and remembers what was.
// Rule: only an answer of success makes a span acknowledged; a refusal must be one that says to try again.
import { createWaves, RequestSource, traceIdOf } from "../../bench/load/request_source.ts";
import { EXPORT_PATH } from "../../distributor/receivers/otlp_grpc.ts";
import { systemClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { GrpcClient } from "../../lib/grpc_client.ts";
import { seededRandom } from "../../lib/random.ts";

export interface FleetLoadOptions {
  /** For the n-th request: of OTLP over HTTP, or `grpc://host:port`; those after the first are for another try. */
  readonly urls: (request: number) => readonly string[];
  readonly spansPerSecond: number;
  readonly seed: number;
}

export interface AckedTrace {
  readonly traceId: string;
  readonly spans: number;
  readonly ackedMs: number;
}

/** What a client may be told and try again: OTLP/HTTP's retryable answers. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const SPANS_PER_REQUEST = 60;
const PAUSE_MS = 100;
const NEVER = new AbortController().signal;

export class FleetLoad implements AsyncDisposable {
  readonly acked: AckedTrace[] = [];
  /** Answers that no client should be given, by text. */
  readonly wrong = new Map<string, number>();
  refusals = 0;
  failedConnections = 0;
  /** The longest that a request was tried, and the most often. */
  longestMs = 0;
  mostAttempts = 0;
  #requests = 0;
  readonly #clients = new Map<string, GrpcClient>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(readonly options: FleetLoadOptions) {
    this.#running = this.#run(this.#stop.signal);
  }

  get ackedSpans(): number {
    return this.acked.reduce((sum, { spans }) => sum + spans, 0);
  }

  /** Sends no more, once what is on its way has been acknowledged. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const client of this.#clients.values()) client[Symbol.dispose]();
    this.#clients.clear();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const random = seededRandom(this.options.seed);
    const waves = createWaves(random, {
      spansPerRequest: SPANS_PER_REQUEST,
      requestsPerWave: 2,
      waves: 4,
      roomBytes: 0,
    });
    const source = new RequestSource(systemClock, random, waves);
    let dueMs = Date.now();
    for (;;) {
      const { template, isWaveEnd, finishedTraces } = source.next();
      await this.#send(template.bytes.slice());
      dueMs += template.spanCount / this.options.spansPerSecond * 1000;
      if (isWaveEnd) {
        const ackedMs = Date.now();
        for (const trace of finishedTraces()) {
          this.acked.push({ traceId: traceIdOf(trace), spans: trace.spanCount, ackedMs });
        }
        if (signal.aborted) return;
      }
      // After a long refusal it does not rush to make up for it.
      dueMs = Math.max(dueMs, Date.now() - 1_000);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - Date.now())));
    }
  }

  async #send(body: Uint8Array<ArrayBuffer>): Promise<void> {
    const startMs = Date.now();
    const request = this.#requests++;
    for (let attempt = 0;; attempt++) {
      const urls = this.options.urls(request);
      const url = urls[attempt % urls.length];
      this.mostAttempts = Math.max(this.mostAttempts, attempt + 1);
      if (url !== undefined && await this.#isTaken(url, body)) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.longestMs = Math.max(this.longestMs, Date.now() - startMs);
  }

  async #isTaken(url: string, body: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (url.startsWith("grpc://")) return await this.#isTakenByGrpc(url.slice(7), body);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/x-protobuf" },
        body,
        signal: AbortSignal.timeout(15_000),
      });
      const text = new TextDecoder().decode(await response.bytes());
      if (response.ok) return true;
      this.refusals++;
      if (!RETRYABLE.has(response.status)) {
        const wrong = `${response.status} ${text}`;
        this.wrong.set(wrong, (this.wrong.get(wrong) ?? 0) + 1);
      }
      return false;
    } catch {
      this.failedConnections++;
      return false;
    }
  }
  async #isTakenByGrpc(address: string, body: Uint8Array): Promise<boolean> {
    const known = this.#clients.get(address);
    const options = { address, timeoutMs: 15_000, receivedBytesMax: 1 << 20 };
    const client = known ?? new GrpcClient(systemClock, options);
    this.#clients.set(address, client);
    try {
      await client.call(EXPORT_PATH, body, {}, NEVER);
      return true;
    } catch (error) {
      // Away, too: which is to be tried again.
      if (error instanceof UnavailableError) this.failedConnections++;
      else this.wrong.set(String(error), (this.wrong.get(String(error)) ?? 0) + 1);
      return false;
    }
  }
}
