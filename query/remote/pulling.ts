// One stream of jobs from one frontend, from its first frame to its last: jobs are run as they come, answered
// in pieces, and stopped when nobody waits for them any more.
// Rules: an answer that cannot be delivered ends the stream, so that the frontend need not wait for it; a
// stream without beats is lost; one that is asked to leave ends when the frontend has all that it waits for.
import type { Clock } from "../../lib/clock.ts";
import { fromError } from "../../lib/error_data.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { piecesOf, type Scanner } from "../querier/mod.ts";
import type { FrontendLink } from "./frontend_link.ts";
import { type Frame, type Job, LOST_AFTER_MS, type Outcome, VERSION } from "./pull_wire.ts";

/** Pieces go together up to this. */
const PART_BYTES = 256 * 1024;

export interface PullingOptions {
  readonly querier: string;
  /** Jobs at a time; asked for again at every beat. */
  lanes(): number;
  /** Hears of every job that was done, and whether it was answered. */
  executed(): void;
}

export class Pulling {
  readonly #running = new Map<number, AbortController>();
  readonly #over = new AbortController();
  #session: number | undefined;
  #isLeaving = false;
  #lostTimer: number | undefined;

  constructor(
    readonly clock: Clock,
    readonly scanner: Scanner,
    readonly link: FrontendLink,
    readonly options: PullingOptions,
  ) {}

  get runningJobs(): number {
    return this.#running.size;
  }

  /** Whether the frontend knows of it. */
  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  /** Resolves when the frontend has ended it; rejects when it was lost. */
  async run(signal: AbortSignal): Promise<void> {
    const { querier, lanes } = this.options;
    const either = AbortSignal.any([signal, this.#over.signal]);
    try {
      this.#expectFrame();
      const request = { querier, lanes: lanes(), version: VERSION };
      for await (const frame of this.link.pull(request, either)) {
        this.#expectFrame();
        if (frame.kind === "end") return;
        this.#take(frame, either);
      }
      throw new UnavailableError("the stream broke off");
    } finally {
      this.#session = undefined;
      if (this.#lostTimer !== undefined) this.clock.clearTimeout(this.#lostTimer);
      this.#over.abort(new UnavailableError("the stream is over"));
      for (const running of this.#running.values()) running.abort(this.#over.signal.reason);
    }
  }

  /** Asks for no more jobs; `run` ends after the last answer. */
  async leave(signal: AbortSignal): Promise<void> {
    this.#isLeaving = true;
    if (this.#session === undefined) return this.#over.abort();
    await this.link.notifyShutdown(this.#session, signal);
  }

  #take(frame: Frame, signal: AbortSignal): void {
    switch (frame.kind) {
      case "hello":
        this.#session = frame.session;
        if (this.#isLeaving) this.#over.abort();
        break;
      case "beat":
        void this.#answerBeat(signal);
        break;
      case "cancel":
        this.#running.get(frame.id)?.abort(new DOMException("", "AbortError"));
        break;
      case "job":
        void this.#do(frame.id, frame.job, signal);
    }
  }

  async #answerBeat(signal: AbortSignal): Promise<void> {
    try {
      await this.link.beat({ session: this.#session!, lanes: this.options.lanes() }, signal);
    } catch {
      // The next one may come through; if none does the frontend ends the stream.
    }
  }

  async #do(id: number, job: Job, signal: AbortSignal): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    const inner = AbortSignal.any([signal, controller.signal]);
    try {
      const outcome = await outcomeOf(this.scanner, job, inner);
      if (!inner.aborted) await this.#deliver(id, outcome, inner);
    } catch (error) {
      // Not of the job: its answer could not be sent.
      if (!inner.aborted) this.#over.abort(error);
    } finally {
      this.#running.delete(id);
      this.options.executed();
    }
  }

  async #deliver(job: number, outcome: Outcome, signal: AbortSignal): Promise<void> {
    let pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    const send = async (isLast: boolean) => {
      const part = { session: this.#session!, job, pieces, isLast };
      pieces = [];
      sizeBytes = 0;
      return await this.link.answer(part, signal);
    };
    for (const piece of piecesOf(outcome)) {
      if (sizeBytes + piece.length > PART_BYTES && pieces.length > 0) {
        if (!await send(false)) return;
      } else await nextTurn();
      pieces.push(piece);
      sizeBytes += piece.length;
    }
    await send(true);
  }

  #expectFrame(): void {
    if (this.#lostTimer !== undefined) this.clock.clearTimeout(this.#lostTimer);
    const silent = new UnavailableError(`the frontend is silent for ${LOST_AFTER_MS} ms`);
    this.#lostTimer = this.clock.setTimeout(() => this.#over.abort(silent), LOST_AFTER_MS);
  }
}

async function outcomeOf(scanner: Scanner, job: Job, signal: AbortSignal): Promise<Outcome> {
  try {
    return { result: await resultOf(scanner, job, signal) };
  } catch (error) {
    return { error: { ...fromError(error), stack: undefined } };
  }
}

function resultOf(scanner: Scanner, job: Job, signal: AbortSignal): Promise<unknown> {
  switch (job.op) {
    case "scan":
      return scanner.scan(job.request, job.blocks, signal);
    case "estimate":
      return scanner.estimate(job.request, job.blocks, signal);
    case "find":
      return scanner.find(job.traceId, job.blocks, signal);
  }
}
