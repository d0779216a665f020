// Where blocks are merged: in the thread that asks, or in a worker of its own that lives only while
// there is work, because the cores belong to ingest and queries.
// Rule: a worker that dies fails its job as unavailable, and the next job starts another.
import { UnavailableError } from "../../lib/errors.ts";
import { RpcPeer } from "../../lib/port_rpc.ts";
import type { Runtime } from "../../lib/runtime.ts";
import {
  compact,
  type CompactOutcome,
  type CompactRequest,
  type ObjectStore,
  type StoreConfig,
} from "../../storage/mod.ts";
import type { CompactionStart } from "./compaction_messages.ts";
import type { Compactor } from "./do_job.ts";
import { redactBlock, type RedactBlockOutcome, type RedactBlockRequest } from "./redact_block.ts";

/** A worker without a job for so long is ended. */
const IDLE_MS = 60_000;

export class ThreadCompactor implements Compactor {
  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly pause: () => Promise<void>,
  ) {}

  compact(request: CompactRequest, signal: AbortSignal): Promise<CompactOutcome> {
    return compact(this.runtime, this.store, request, this.pause, signal);
  }

  redact(request: RedactBlockRequest, signal: AbortSignal): Promise<RedactBlockOutcome> {
    return redactBlock(this.runtime, this.store, request, this.pause, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Running {
  readonly worker: Worker;
  readonly peer: RpcPeer;
  readonly ready: Promise<void>;
}

export class WorkerCompactor implements Compactor {
  #running: Running | undefined;
  #idle: number | undefined;

  constructor(
    readonly runtime: Runtime,
    readonly store: StoreConfig,
    readonly createWorker: () => Worker = createCompactionWorker,
  ) {}

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  compact(request: CompactRequest, signal: AbortSignal): Promise<CompactOutcome> {
    return this.#call("compact", request, signal);
  }

  redact(request: RedactBlockRequest, signal: AbortSignal): Promise<RedactBlockOutcome> {
    return this.#call("redact", request, signal);
  }

  async #call<T>(name: string, request: unknown, signal: AbortSignal): Promise<T> {
    const { clock } = this.runtime;
    if (this.#idle !== undefined) clock.clearTimeout(this.#idle);
    this.#idle = undefined;
    const running = this.#running ??= this.#begin();
    try {
      await running.ready;
      return await running.peer.call<T>(name, request, signal);
    } finally {
      // What was stopped may still be at work in the thread: it must not go on unseen.
      if (signal.aborted) this.#end(running, new UnavailableError("compaction was stopped"));
      else {
        this.#idle = clock.setTimeout(
          () => this.#end(running, new UnavailableError("compaction worker was idle")),
          IDLE_MS,
        );
      }
    }
  }

  #begin(): Running {
    const worker = this.createWorker();
    const peer = new RpcPeer(worker, {});
    const start: CompactionStart = { store: this.store };
    const running = { worker, peer, ready: peer.call<void>("start", start) };
    running.ready.catch((error) => this.#end(running, error));
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // its job fails; it must not end the process
      this.runtime.log.error("compaction worker failed", { error: event.message });
      this.#end(running, new UnavailableError(`compaction worker failed: ${event.message}`));
    });
    return running;
  }

  #end(running: Running, because: Error): void {
    if (this.#running === running) this.#running = undefined;
    running.peer.close(because);
    running.worker.terminate();
  }

  // deno-lint-ignore require-await -- the interface is async
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#idle !== undefined) this.runtime.clock.clearTimeout(this.#idle);
    if (this.#running !== undefined) {
      this.#end(this.#running, new UnavailableError("compaction has stopped"));
    }
  }
}

function createCompactionWorker(): Worker {
  const url = new URL("./compaction_worker.ts", import.meta.url);
  return new Worker(url, { type: "module", name: "compaction" });
}
