// A live-store: folds its partition of the topic, keeps what it has built on its own disk until everybody knows
// the blocks of block-builders, and answers for that time.
//
//   topic ─▶ partition hosts ─▶ own blocks ─┐
//                 └─ sections in memory ────┴─▶ LocalLive ─▶ gRPC
import {
  BLOCK_BUILDER_GROUP,
  FoldedTo,
  type HostLimitsSource,
  type LivePartitions,
  type Watermark,
} from "../../actors/mod.ts";
import { OsDirectory } from "../../lib/fs.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { LiveSource } from "../../query/querier/mod.ts";
import type { KafkaLog, KafkaSettings } from "../../wal/kafka/mod.ts";
import { KeptCommits } from "../../wal/mod.ts";
import { type Config, workerCount } from "../config/mod.ts";
import { ownedLoop } from "../owned_loop.ts";
import { openQueryPath } from "../query_path.ts";
import { openFoldHosts } from "./fold_hosts.ts";
import { LocalBlocks } from "./local_blocks.ts";
import { LocalLive } from "./local_live.ts";

/** Of the memory budget: what is kept of own blocks, decoded. */
const CACHE_SHARE = 0.2;
const LOOK_AFTER_EVERY_MS = 30_000;
/** One may fail. */
const POLLS_UNTIL_LISTED = 2;
const LAG_TOLERATED_MS = 5_000;

export interface LiveStorePlace {
  /** Its id without the number: all of a zone share it. */
  readonly group: string;
  readonly partition: number;
  readonly kafka: KafkaLog;
  readonly settings: KafkaSettings;
  readonly limits: HostLimitsSource;
  readonly memoryShare: number;
}

export interface LiveStore extends AsyncDisposable {
  readonly source: LiveSource;
  readonly partitions: LivePartitions;
  readonly partition: number;
  watermarks(): readonly Watermark[];
  metrics(): Promise<MetricsSnapshot[]>;
}

/** An instance `live-store-zone-a-3` is of the group `live-store-zone-a`. */
export function groupOfInstance(instance: string): string {
  return instance.replace(/-\d+$/, "");
}

export async function openLiveStore(
  runtime: Runtime,
  config: Config,
  cores: number,
  place: LiveStorePlace,
): Promise<LiveStore> {
  const { group, partition, kafka, settings, limits, memoryShare } = place;
  const { live_store: keys, segno } = config;
  const path = `${segno.data_path}/live-store`;
  await using stack = new AsyncDisposableStack();
  const commits = await OsDirectory.open(`${path}/commits`);
  stack.use(await commits.lock("lock")); // two live-stores in one folder would take each other's place
  const query = stack.use(
    await openQueryPath(runtime, config, cores, {
      store: { backend: "local", local: { path: `${path}/blocks` } },
      list: { readsMax: 16 },
      pollMs: config.storage.trace.blocklist_poll,
      cacheBytesMax: Math.floor(segno.memory_budget_bytes * CACHE_SHARE * memoryShare),
      caches: undefined,
    }),
  );
  const own = new LocalBlocks(
    runtime,
    query.store,
    query.list,
    {
      builtOffset: (one) => kafka.committedOffset(BLOCK_BUILDER_GROUP, one),
      endOffset: (one) => kafka.endOffset(one),
    },
    [partition],
    {
      keepMs: keys.complete_block_timeout,
      listedMs: POLLS_UNTIL_LISTED * config.storage.trace.blocklist_poll,
      graceMs: keys.block_reclaim_grace,
      leftoverGraceMs: segno.leftover_grace,
      everyMs: LOOK_AFTER_EVERY_MS,
    },
  );
  const foldedTo = new FoldedTo();
  const partitions = openFoldHosts(runtime, config, cores, {
    partitions: [partition],
    log: { kind: "kafka", settings, commitsPath: `${path}/commits` },
    // In a worker it is opened there.
    reader: workerCount(config, cores) > 0
      ? kafka
      : await KeptCommits.open(runtime, kafka, commits, group),
    storeConfig: { backend: "local", local: { path: `${path}/blocks` } },
    store: query.store,
    memoryShare,
    limits,
    changes: {
      group,
      lookback: {
        ms: 2 * keys.complete_block_timeout,
        recordAgeMaxMs: keys.complete_block_timeout,
      },
      ...keys.readiness_target_lag === 0 ? {} : {
        earlyReadiness: { lagMs: keys.readiness_target_lag, waitMaxMs: keys.readiness_max_wait },
      },
    },
    announce: (built) => own.announce(built),
    folded: (...progress) => foldedTo.folded(...progress),
  });
  stack.use(ownedLoop((signal) => own.run(signal)));
  const source = new LocalLive(runtime, {
    live: partitions,
    blocks: query.blocks,
    watermarks: () => foldedTo.watermarks(),
  }, { failsOnLag: keys.fail_on_high_lag, lagToleratedMs: LAG_TOLERATED_MS });
  const opened = stack.move();
  return {
    source,
    partitions,
    partition,
    watermarks: () => foldedTo.watermarks(),
    metrics: async () => [...await partitions.metrics(), ...await query.metrics()],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
