// The query path of a process: the store and its block list, the scan pool, and the frontend that
// joins live data and blocks.
import type { BuiltSection, LivePartitions } from "../actors/mod.ts";
import type { MetricsSnapshot } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { untilAvailable } from "../lib/until_available.ts";
import { sleep } from "../lib/waiting.ts";
import { createFrontend, type Frontend } from "../query/frontend/mod.ts";
import { BlockQuerier, type BlockSource, ScanPool } from "../query/querier/mod.ts";
import {
  BlockList,
  type BlockListOptions,
  type CachesConfig,
  type ObjectStore,
  openStore,
  type StoreConfig,
} from "../storage/mod.ts";
import { blockListOptions } from "./block_list_options.ts";
import { cachesConfig } from "./cache_config.ts";
import { type Config, workerCount } from "./config/mod.ts";
import { ownedLoop } from "./owned_loop.ts";
import { frontendOptions, querierOptions } from "./query_options.ts";
import { storeConfig } from "./store_config.ts";

/** Of the memory budget: what is kept of blocks, decoded and not. */
const CACHE_SHARE = 0.35;

/** Until the blocks of every tenant are known. */
const RETRY_MS = 1_000;
/** Of one question, at a time: blocks that are searched, and that are asked for a trace by its id. */
const SCANS_MAX = 2;
const FINDS_MAX = 16;

export interface QueryPath extends AsyncDisposable {
  readonly store: ObjectStore;
  readonly list: BlockList;
  readonly blocks: BlockSource;
  /** Resolves once queries see the blocks. */
  announce(built: BuiltSection): Promise<void>;
  frontend(live: LivePartitions): Frontend;
  metrics(): Promise<MetricsSnapshot[]>;
}

/** Where blocks lie, and what is kept of them in memory. */
export interface QueryPlace {
  readonly store: StoreConfig;
  readonly list: BlockListOptions;
  readonly pollMs: number;
  readonly cacheBytesMax: number;
  readonly caches: CachesConfig | undefined;
}

/** The bucket that the configuration names; `cacheShare` of the memory budget is for its caches. */
export function bucketPlace(
  config: Config,
  buildsIndexes: boolean,
  cacheShare = CACHE_SHARE,
): QueryPlace {
  const cacheBytesMax = Math.floor(config.segno.memory_budget_bytes * cacheShare);
  return {
    store: storeConfig(config),
    list: blockListOptions(config, buildsIndexes),
    pollMs: config.storage.trace.blocklist_poll,
    cacheBytesMax,
    caches: cachesConfig(config, cacheBytesMax),
  };
}

export async function openQueryPath(
  runtime: Runtime,
  config: Config,
  cores: number,
  place: QueryPlace,
): Promise<QueryPath> {
  await using stack = new AsyncDisposableStack();
  const { store, list } = await openBlockList(runtime, place, stack);
  const pool = stack.use(openScanPool(runtime, config, cores, place));
  const blocks = new BlockQuerier(runtime, list, pool.scanners, querierOptions(config));
  const opened = stack.move();
  return {
    store,
    list,
    blocks,
    announce: ({ blocks, superseded }) => {
      for (const meta of blocks) list.add(meta);
      for (const { tenant, blockId } of superseded) list.retire(tenant, blockId);
      return Promise.resolve();
    },
    frontend: (live) =>
      createFrontend(
        runtime,
        { live, blocks, combineTraces: (parts, signal) => pool.combineTraces(parts, signal) },
        frontendOptions(config),
      ),
    metrics: () => pool.metrics(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The blocks there, looked up again and again until the stack is left. */
export async function openBlockList(
  runtime: Runtime,
  place: QueryPlace,
  stack: AsyncDisposableStack,
  /** If given, a store that is away is waited for, until it aborts. */
  stopping?: AbortSignal,
): Promise<{ readonly store: ObjectStore; readonly list: BlockList }> {
  const store = await openStore(place.store, runtime);
  const list = new BlockList(runtime, store, place.list);
  await (stopping === undefined ? firstPoll(list) : patientPoll(runtime, list, stopping));
  stack.use(ownedLoop((signal) => pollForEver(runtime, list, place.pollMs, signal)));
  return { store, list };
}

export function openScanPool(
  runtime: Runtime,
  config: Config,
  cores: number,
  { store, cacheBytesMax, caches }: QueryPlace,
): ScanPool {
  return new ScanPool(runtime, store, {
    workers: workerCount(config, cores),
    cacheBytesMax,
    ...caches === undefined ? {} : { caches },
    scansMax: SCANS_MAX,
    findsMax: FINDS_MAX,
  });
}

/** Whoever cannot list the store at all had better not start; single tenants may follow later. */
export async function firstPoll(list: BlockList): Promise<void> {
  try {
    await list.poll();
  } catch (error) {
    if (!list.isIncomplete) throw error;
  }
}

/** One process of many does not give up because the store is away when it starts. */
async function patientPoll(
  { clock, log }: Runtime,
  list: BlockList,
  stopping: AbortSignal,
): Promise<void> {
  await untilAvailable(
    clock,
    stopping,
    () => firstPoll(list),
    ({ message }) => log.warn("the store cannot be reached", { error: message }),
  );
}

/** Keeps the list up to date until the signal aborts. */
export async function pollForEver(
  runtime: Runtime,
  list: BlockList,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(runtime.clock, list.isIncomplete ? RETRY_MS : everyMs, signal);
    if (signal.aborted) return;
    try {
      await list.poll(signal);
    } catch (error) {
      if (!signal.aborted) runtime.log.warn("block list poll failed", { error: String(error) });
    }
  }
}
