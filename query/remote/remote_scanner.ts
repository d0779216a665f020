// A querier of another process as a place where blocks are scanned: its jobs wait here to be sent, and here
// their answers come in.
// Rules: it is sent no more at a time than it has lanes, which is the caller's to keep; when it is lost, all
// that it had is refused as unavailable; when it is leaving it finishes what it has.
import { toError } from "../../lib/error_data.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { QueryRequest } from "../engine/mod.ts";
import { type FindResult, Pieces, type Scanner, type ScanResult } from "../querier/mod.ts";
import type { AnswerPart, Frame, Job, Outcome } from "./pull_wire.ts";

interface OpenJob {
  readonly pieces: Pieces;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

export class RemoteScanner implements Scanner {
  readonly #outbox: Frame[] = [];
  readonly #open = new Map<number, OpenJob>();
  #nextJob = 1;
  #lostBecause: Error | undefined;
  #isLeaving = false;
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(
    readonly querier: string,
    public lanes: number,
    /** When it was last heard. */
    public heardMs: number,
    /** Hears that it has more or fewer jobs. */
    readonly jobsChanged: () => void = () => {},
  ) {}

  get openJobs(): number {
    return this.#open.size;
  }

  scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    return this.#do({ op: "scan", request, blocks }, signal);
  }

  estimate(
    request: QueryRequest,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number> {
    return this.#do({ op: "estimate", request, blocks }, signal);
  }

  find(
    traceId: Uint8Array,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<FindResult> {
    return this.#do({ op: "find", traceId, blocks }, signal);
  }

  /** What is to be sent next; undefined when there will be nothing more. One caller at a time. */
  async next(): Promise<Frame | undefined> {
    while (true) {
      const frame = this.#outbox.shift();
      if (frame !== undefined) return frame;
      if (this.#hasEnded || this.#lostBecause !== undefined) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Some of an answer; tells whether anybody still waits for it. */
  async answered({ job, pieces, isLast }: AnswerPart): Promise<boolean> {
    for (const [i, piece] of pieces.entries()) {
      const open = this.#open.get(job);
      if (open === undefined) return false;
      try {
        open.pieces.add(piece);
      } catch (error) {
        this.#close(job);
        open.reject(error);
        return false;
      }
      if (i % 4 === 3) await nextTurn();
    }
    const open = this.#open.get(job);
    if (open === undefined || !isLast) return open !== undefined;
    this.#close(job);
    const outcome = open.pieces.value as Outcome;
    if ("error" in outcome) open.reject(toError(outcome.error));
    else open.resolve(outcome.result);
    return true;
  }

  beat(): void {
    this.#send({ kind: "beat" });
  }

  /** It gets no more jobs, which is its owner's to keep, and ends after the last answer. */
  leave(): void {
    this.#isLeaving = true;
    this.#endIfDone();
  }

  /** Ends at once; what is open is refused. */
  lose(because: Error): void {
    this.#lostBecause ??= because;
    for (const { reject } of this.#open.values()) reject(because);
    this.#open.clear();
    this.jobsChanged();
    this.#wake();
  }

  async #do<T>(job: Job, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#lostBecause !== undefined) throw this.#lostBecause;
    if (this.#isLeaving) throw new UnavailableError(`querier ${this.querier} is leaving`);
    const id = this.#nextJob++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = () => {
      this.#close(id);
      this.#send({ kind: "cancel", id });
      reject(signal.reason);
    };
    this.#open.set(id, { pieces: new Pieces(), resolve, reject });
    this.jobsChanged();
    signal.addEventListener("abort", cancel, { once: true });
    this.#send({ kind: "job", id, job });
    try {
      return await promise as T;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #close(job: number): void {
    this.#open.delete(job);
    this.jobsChanged();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isLeaving || this.#open.size > 0) return;
    this.#hasEnded = true;
    this.#wake();
  }

  #send(frame: Frame): void {
    if (this.#lostBecause !== undefined) return;
    // A job that was not sent yet need not be sent at all.
    const unsent = frame.kind === "cancel"
      ? this.#outbox.findIndex((one) => one.kind === "job" && one.id === frame.id)
      : -1;
    if (unsent >= 0) this.#outbox.splice(unsent, 1);
    else this.#outbox.push(frame);
    this.#wake();
  }
}
