// The folds of the topic in one process: a live-store, a block-builder, both, or neither. They read apart, so that
// the one that is slow, or fails, does not hold up the other.
import type { LivePartitions, Watermark } from "../../actors/mod.ts";
import type { GrpcMethods } from "../../lib/grpc_server.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { LimitsOf } from "../../model/limits.ts";
import type { Components } from "../components.ts";
import type { Overrides } from "../overrides/overrides.ts";
import { hostLimits } from "../partition_hosts.ts";
import { liveStoreGrpc } from "../remote_queries.ts";
import { assignedPartitions, openBlockBuilder } from "./block_builder.ts";
import { groupOfInstance, type LiveStore, openLiveStore } from "./live_store.ts";
import type { Shared } from "./shared.ts";

export interface Folds {
  readonly liveStore: LiveStore | undefined;
  readonly partitions: readonly LivePartitions[];
  /** Why the live-store answers nothing now. */
  readonly refusal: string | undefined;
  /** Rejects when one gave up; resolves when all are drained. */
  readonly done: Promise<void>;
  isCaughtUp(): Promise<boolean>;
  flush(): Promise<void>;
  drain(): void;
  watermarks(): readonly Watermark[];
  metrics(): Promise<MetricsSnapshot[]>;
  grpc(limits: LimitsOf): GrpcMethods;
}

const STARTING = "live-store is starting";
const STOPPING = "live-store is stopping";

export async function openFolds(
  shared: Shared,
  components: Components,
  cores: number,
  overrides: Overrides,
  stack: AsyncDisposableStack,
): Promise<Folds> {
  const { runtime, config, rings, settings } = shared;
  const limits = hostLimits(overrides);
  const memoryShare = components.liveStore && components.blockBuilder ? 0.5 : 1;
  const hostname = rings.process.hostname;
  const liveStore = components.liveStore
    ? stack.use(
      await openLiveStore(runtime, config, cores, {
        group: groupOfInstance(config.live_store.ring.instance_id || hostname),
        partition: rings.partition!,
        kafka: shared.kafka,
        settings,
        limits,
        memoryShare,
      }),
    )
    : undefined;
  const instance = config.block_builder.instance_id || hostname;
  const builder = components.blockBuilder
    ? openBlockBuilder(runtime, config, cores, {
      instance,
      partitions: assignedPartitions(config, instance, shared.kafka.partitions, rings.partition),
      kafka: shared.kafka,
      settings,
      store: await shared.openBucket(),
      limits,
      memoryShare,
    })
    : undefined;
  let refusal: string | undefined = STARTING;
  const partitions = [liveStore?.partitions, builder].filter((one) => one !== undefined);
  return {
    liveStore,
    partitions,
    get refusal() {
      return refusal;
    },
    done: run(partitions, stack),
    isCaughtUp: async () => {
      const isReady = await liveStore?.partitions.isReady() ?? true;
      if (refusal !== STOPPING) refusal = isReady ? undefined : STARTING;
      return isReady;
    },
    flush: async () => {
      for (const each of partitions) await each.flush();
    },
    drain: () => {
      refusal = STOPPING;
      partitions.forEach((each) => each.drain());
    },
    watermarks: () => liveStore?.watermarks() ?? [],
    metrics: async () => [...await liveStore?.metrics() ?? [], ...await builder?.metrics() ?? []],
    grpc: (limitsOf) => {
      if (liveStore === undefined) return {};
      const { source, watermarks } = liveStore;
      return liveStoreGrpc(runtime, config, {
        query: (request, signal) => source.query(request, signal),
        findTrace: (tenant, traceId, signal) => source.findTrace(tenant, traceId, signal),
        watermarks,
        refusal: () => refusal,
      }, limitsOf);
    },
  };
}

/** Leaving the stack stops them. */
function run(partitions: readonly LivePartitions[], stack: AsyncDisposableStack): Promise<void> {
  const controller = new AbortController();
  const runs = partitions.map((each) => each.run(controller.signal));
  const done = Promise.all(runs).then(() => {});
  done.catch(() => {}); // the process's end tells it
  stack.defer(async () => {
    controller.abort();
    await Promise.allSettled(runs); // where one gave up, the others too
  });
  return done;
}
