// Scan workers: as many as the configuration says, started when the first question comes. With none,
// questions are answered in the thread that asks.
// Rule: when a worker dies its open questions are refused as unavailable and the next question starts
// another; nobody waits for a dead thread.
import { UnavailableError } from "../../lib/errors.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import { RpcPeer } from "../../lib/port_rpc.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type BytesByRole,
  CACHE_ROLES,
  type CachesConfig,
  type ObjectStore,
  openCaches,
  openStore,
  type StoreConfig,
} from "../../storage/mod.ts";
import type { QueryRequest } from "../engine/mod.ts";
import {
  BlockScanner,
  type BlockScannerOptions,
  type FindResult,
  type ScanResult,
} from "./block_scanner.ts";
import { type CombinedTrace, combineTraces } from "./combine_traces.ts";
import type { CacheUse, CombineCall, FindCall, ScanCall, ScanStart } from "./scan_messages.ts";

export interface ScanPoolOptions extends BlockScannerOptions {
  /** 0: none. What caches may hold in memory is shared out among them. */
  readonly workers: number;
}

/** One place where blocks are scanned. */
export interface Scanner {
  /** What it works on at a time; not given: as the options of jobs say. */
  readonly lanes?: number;
  scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>>;
  /** Bytes that a question will read, from footers. */
  estimate(
    request: QueryRequest,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number>;
  find(
    traceId: Uint8Array,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<FindResult>;
}

/** Smaller traces are combined faster than they are sent to a worker. */
const COMBINE_HERE_BYTES_MAX = 64 * 1024;

export class ScanPool implements AsyncDisposable {
  readonly scanners: readonly Scanner[];
  readonly #workers: readonly ScanWorkerHandle[];
  readonly #inThread: (Scanner & AsyncDisposable) | undefined;

  /** `store` is opened by each worker for itself, or given where there are none. */
  constructor(
    runtime: Runtime,
    store: StoreConfig | ObjectStore,
    options: ScanPoolOptions,
    createWorker: () => Worker = createScanWorker,
  ) {
    const { workers, ...rest } = options;
    if (workers === 0) {
      this.#workers = [];
      this.#inThread = inThread(runtime, store, rest);
      this.scanners = [this.#inThread];
      return;
    }
    if (!("backend" in store)) {
      throw new UnavailableError("a store that is open cannot be shared with scan workers");
    }
    const share = sharedOut(rest, workers);
    this.#workers = Array.from(
      { length: workers },
      () => new ScanWorkerHandle(runtime, { store, options: share }, createWorker),
    );
    this.scanners = this.#workers;
  }

  /** Large traces in a worker, so that this thread goes on answering. */
  async combineTraces(parts: readonly Uint8Array[], signal: AbortSignal): Promise<CombinedTrace> {
    const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
    const [worker] = this.#workers;
    if (worker === undefined || sizeBytes <= COMBINE_HERE_BYTES_MAX) return combineTraces(parts);
    return await worker.combine(parts, signal);
  }

  async cacheUse(): Promise<CacheUse> {
    const uses = await Promise.all(this.#workers.map((worker) => worker.cacheUse()));
    const sum = { hits: 0, misses: 0, sizeBytes: 0 };
    for (const use of uses) {
      sum.hits += use.hits;
      sum.misses += use.misses;
      sum.sizeBytes += use.sizeBytes;
    }
    return sum;
  }

  /** Of the workers that run; one that dies meanwhile is left out. */
  async metrics(): Promise<MetricsSnapshot[]> {
    const asked = await Promise.allSettled(this.#workers.map((worker) => worker.metrics()));
    return asked.map((one) => one.status === "fulfilled" ? one.value : undefined)
      .filter((snapshot) => snapshot !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker.stop();
    await this.#inThread?.[Symbol.asyncDispose]();
  }
}

/** Each thread has caches of its own, for bytes cannot be looked up in another's. */
function sharedOut(options: BlockScannerOptions, workers: number): BlockScannerOptions {
  const share = (bytesMax: number) => Math.floor(bytesMax / workers);
  const { caches } = options;
  const bytesMax = (caches: CachesConfig) =>
    Object.fromEntries(CACHE_ROLES.map((role) => [role, share(caches.bytesMax[role])]));
  return {
    ...options,
    cacheBytesMax: share(options.cacheBytesMax),
    ...caches === undefined
      ? {}
      : { caches: { ...caches, bytesMax: bytesMax(caches) as BytesByRole } },
  };
}

function createScanWorker(): Worker {
  return new Worker(new URL("./scan_worker.ts", import.meta.url), { type: "module", name: "scan" });
}

function inThread(
  runtime: Runtime,
  store: StoreConfig | ObjectStore,
  options: BlockScannerOptions,
): Scanner & AsyncDisposable {
  let opened: Promise<BlockScanner> | undefined;
  const open = async () => {
    const caches = options.caches && await openCaches(runtime, options.caches);
    const own = "backend" in store ? await openStore(store, runtime) : store;
    return new BlockScanner(own, options, nextTurn, caches, runtime.clock);
  };
  const scanner = () => opened ??= open();
  return {
    [Symbol.asyncDispose]: async () => (await opened)?.caches?.[Symbol.dispose](),
    scan: async (request, blocks, signal) => (await scanner()).scan(request, blocks, signal),
    estimate: async (request, blocks, signal) =>
      (await scanner()).estimate(request, blocks, signal),
    find: async (traceId, blocks, signal) => (await scanner()).find(traceId, blocks, signal),
  };
}

class ScanWorkerHandle implements Scanner {
  #running: { readonly worker: Worker; readonly peer: RpcPeer; ready: Promise<void> } | undefined;
  #isStopped = false;
  readonly #failures;

  constructor(
    readonly runtime: Runtime,
    readonly start: ScanStart,
    readonly createWorker: () => Worker,
  ) {
    this.#failures = runtime.metrics.counter(
      "segno_scan_worker_failures_total",
      "Scan workers that died, with their open queries.",
    );
  }

  async scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    const peer = await this.#peer();
    return await peer.call("scan", { request, blocks } satisfies ScanCall, signal);
  }

  async estimate(
    request: QueryRequest,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number> {
    const peer = await this.#peer();
    return await peer.call("estimate", { request, blocks } satisfies ScanCall, signal);
  }

  async find(
    traceId: Uint8Array,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<FindResult> {
    const peer = await this.#peer();
    return await peer.call("find", { traceId, blocks } satisfies FindCall, signal);
  }

  async combine(parts: readonly Uint8Array[], signal: AbortSignal): Promise<CombinedTrace> {
    const peer = await this.#peer();
    return await peer.call("combine", { parts } satisfies CombineCall, signal);
  }

  async cacheUse(): Promise<CacheUse> {
    if (this.#running === undefined) return { hits: 0, misses: 0, sizeBytes: 0 };
    return await this.#running.peer.call("cache", null);
  }

  async metrics(): Promise<MetricsSnapshot | undefined> {
    return await this.#running?.peer.call<MetricsSnapshot>("metrics", null);
  }

  stop(): void {
    this.#isStopped = true;
    this.#end(new UnavailableError("scan workers have stopped"));
  }

  async #peer(): Promise<RpcPeer> {
    if (this.#isStopped) throw new UnavailableError("scan workers have stopped");
    const running = this.#running ??= this.#begin();
    await running.ready;
    return running.peer;
  }

  #begin() {
    const worker = this.createWorker();
    const peer = new RpcPeer(worker, {});
    const running = { worker, peer, ready: peer.call<void>("start", this.start) };
    running.ready.catch((error) => this.#end(error, running));
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // its questions are refused; it must not end the process
      this.#failures.inc();
      this.runtime.log.error("scan worker failed", { error: event.message });
      this.#end(new UnavailableError(`scan worker failed: ${event.message}`), running);
    });
    return running;
  }

  /** Ends the worker, if it is still the one that runs. */
  #end(because: Error, which = this.#running): void {
    if (which === undefined) return;
    if (this.#running === which) this.#running = undefined;
    which.peer.close(because);
    which.worker.terminate();
  }
}
