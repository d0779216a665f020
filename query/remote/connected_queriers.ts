// The queriers that are connected to a frontend, as scanners of blocks, and the gRPC methods by which they
// come (pull_wire.ts).
// Rules: a block's home follows from its id and the names of the queriers, so that frontends agree on it and
// a querier that comes or goes moves no more than its share; one that comes twice has lost its first stream.
import { InputError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { GrpcCall, GrpcMethods } from "../../lib/grpc_server.ts";
import { keepingKinds } from "../../lib/grpc_kinds.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { decodeAnswer, encodeAnswer, type Scanner, type ScannerSet } from "../querier/mod.ts";
import {
  ANSWER,
  BEAT,
  Beat,
  BEAT_EVERY_MS,
  decodeAnswerPart,
  type Frame,
  LOST_AFTER_MS,
  NOTIFY_SHUTDOWN,
  PULL,
  type PullRequest,
  VERSION,
} from "./pull_wire.ts";
import { RemoteScanner } from "./remote_scanner.ts";

const DRAIN_CHECK_MS = 20;
const NEVER = new AbortController().signal;

interface Connected {
  readonly session: number;
  readonly hash: number;
  readonly scanner: RemoteScanner;
}

export class ConnectedQueriers implements ScannerSet {
  readonly #sessions = new Map<number, Connected>();
  /** Those that are given jobs. */
  #working: readonly Connected[] = [];
  readonly #listeners: (() => void)[] = [];
  #nextSession: number;
  #isStopping = false;
  readonly #metrics;

  constructor(readonly runtime: Runtime) {
    // Another than before a restart: what answers come late belong to nobody.
    this.#nextSession = Math.floor(runtime.random.next() * 2 ** 30) + 1;
    const { metrics } = runtime;
    this.#metrics = {
      inflight: metrics.gauge(
        "segno_query_frontend_inflight_jobs",
        "Batches of jobs that queriers work on.",
      ),
      lost: metrics.counter(
        "segno_query_frontend_lost_queriers_total",
        "Streams of queriers that ended without a word.",
      ),
    };
  }

  get all(): readonly Scanner[] {
    return this.#working.map(({ scanner }) => scanner);
  }

  homeOf({ blockID }: BlockMeta): Scanner | undefined {
    const block = hashOf(blockID);
    let home: Connected | undefined;
    let most = -1;
    for (const one of this.#working) {
      const weight = mixed(one.hash ^ block);
      if (weight > most) [home, most] = [one, weight];
    }
    return home?.scanner;
  }

  onChange(changed: () => void): void {
    this.#listeners.push(changed);
  }

  /** Why a frontend cannot answer; empty if it can. */
  readiness(): readonly string[] {
    if (this.#working.length > 0) return [];
    const count = "number of queriers connected to query-frontend is 0";
    return [`Query Frontend not ready: not ready: ${count}`];
  }

  methods(): GrpcMethods {
    return keepingKinds({
      [PULL]: { kind: "server_stream", handle: (call) => this.#pull(call) },
      [ANSWER]: { kind: "unary", handle: (call) => this.#answer(call) },
      [BEAT]: { kind: "unary", handle: (call) => this.#beat(call) },
      [NOTIFY_SHUTDOWN]: { kind: "unary", handle: (call) => this.#leave(call) },
    });
  }

  /** Resolves when queriers have no job left, or after so long; no further querier is let in. */
  async drain(timeoutMs: number): Promise<void> {
    const { clock } = this.runtime;
    this.#isStopping = true;
    const endMs = clock.monotonic() + timeoutMs;
    const isBusy = () => [...this.#sessions.values()].some(({ scanner }) => scanner.openJobs > 0);
    while (isBusy() && clock.monotonic() < endMs) await sleep(clock, DRAIN_CHECK_MS, NEVER);
  }

  /** Before the server closes, which would wait for the streams. */
  stop(): void {
    this.#isStopping = true;
    for (const { scanner } of this.#sessions.values()) {
      scanner.lose(new UnavailableError("the query-frontend is stopping"));
    }
  }

  async *#pull({ message, signal }: GrpcCall): AsyncGenerator<Uint8Array> {
    const { querier, lanes, version } = decodeAnswer<PullRequest>(message);
    if (version !== VERSION) {
      const why = `querier ${querier} speaks version ${version}, this frontend ${VERSION}`;
      throw new InputError("failed_precondition", why);
    }
    if (this.#isStopping) throw new UnavailableError("the query-frontend is stopping");
    const connected = this.#join(querier, lanes);
    const { scanner, session } = connected;
    const gone = () => this.#lost(connected, "has gone");
    signal.addEventListener("abort", gone);
    const stopBeating = this.#keepBeating(connected);
    try {
      yield framed({ kind: "hello", session });
      while (true) {
        const frame = await scanner.next();
        if (frame === undefined) break;
        yield framed(frame);
      }
      // Whoever goes after this has not gone without a word.
      this.#part(connected, new UnavailableError(`querier ${querier} has left`));
      yield framed({ kind: "end" });
    } finally {
      stopBeating();
      signal.removeEventListener("abort", gone);
      this.#part(connected, new UnavailableError(`querier ${querier} has gone`));
    }
  }

  async #answer({ message }: GrpcCall): Promise<Uint8Array> {
    const part = decodeAnswerPart(message);
    const { scanner } = this.#heard(part.session);
    const isWanted = await scanner.answered(part);
    return encodeAnswer({ isWanted });
  }

  // deno-lint-ignore require-await -- what it throws is the status of the call
  async #beat({ message }: GrpcCall): Promise<Uint8Array> {
    const { session, lanes } = decodeAnswer<Beat>(message);
    const { scanner } = this.#heard(session);
    if (scanner.lanes !== lanes) {
      scanner.lanes = lanes;
      this.#changed();
    }
    return encodeAnswer({});
  }

  // deno-lint-ignore require-await -- what it throws is the status of the call
  async #leave({ message }: GrpcCall): Promise<Uint8Array> {
    const { session } = decodeAnswer<Pick<Beat, "session">>(message);
    const connected = this.#heard(session);
    this.#retire(connected);
    connected.scanner.leave();
    return encodeAnswer({});
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #join(querier: string, lanes: number): Connected {
    for (const old of this.#sessions.values()) {
      if (old.scanner.querier === querier) this.#lost(old, "has come again");
    }
    const nowMs = this.runtime.clock.monotonic();
    const scanner = new RemoteScanner(querier, lanes, nowMs, () => this.#observe());
    const connected = { session: this.#nextSession++, hash: hashOf(querier), scanner };
    this.#sessions.set(connected.session, connected);
    this.#working = [...this.#working, connected];
    this.runtime.log.info("querier connected", { querier, lanes });
    this.#changed();
    return connected;
  }

  #heard(session: number): Connected {
    const connected = this.#sessions.get(session);
    if (connected === undefined) throw new NotFoundError(`no session ${session}`);
    connected.scanner.heardMs = this.runtime.clock.monotonic();
    return connected;
  }

  /** It gets no more jobs; what waits for it is done by others. */
  #retire(connected: Connected): void {
    if (!this.#working.includes(connected)) return;
    this.#working = this.#working.filter((one) => one !== connected);
    this.#changed();
  }

  #lost(connected: Connected, why: string): void {
    if (!this.#sessions.has(connected.session)) return;
    const { querier } = connected.scanner;
    this.#metrics.lost.inc();
    this.runtime.log.warn("querier lost", { querier, why });
    this.#part(connected, new UnavailableError(`querier ${querier} ${why}`));
  }

  /** Out of the set first, so that what it had is not given to it again. */
  #part(connected: Connected, because: Error): void {
    this.#sessions.delete(connected.session);
    this.#retire(connected);
    connected.scanner.lose(because);
  }

  /** Returns how to end it. */
  #keepBeating(connected: Connected): () => void {
    const { clock } = this.runtime;
    const { scanner } = connected;
    const beat = () => {
      if (clock.monotonic() - scanner.heardMs >= LOST_AFTER_MS) {
        return this.#lost(connected, "is silent");
      }
      scanner.beat();
      timer = clock.setTimeout(beat, BEAT_EVERY_MS);
    };
    let timer = clock.setTimeout(beat, BEAT_EVERY_MS);
    return () => clock.clearTimeout(timer);
  }

  #observe(): void {
    let jobs = 0;
    for (const { scanner } of this.#sessions.values()) jobs += scanner.openJobs;
    this.#metrics.inflight.set(jobs);
  }
}

const framed = (frame: Frame) => encodeAnswer(frame);

/** FNV-1a of 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash;
}

/** The finalizer of MurmurHash3: every bit depends on every other. */
function mixed(word: number): number {
  word = Math.imul(word ^ word >>> 16, 0x85ebca6b);
  word = Math.imul(word ^ word >>> 13, 0xc2b2ae35);
  return (word ^ word >>> 16) >>> 0;
}
