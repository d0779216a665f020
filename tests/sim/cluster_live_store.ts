// One life of a live-store in the simulated cluster: what cmd/fleet/live_store.ts wires from a configuration.
import { FoldedTo, LivePartitions, ThreadHost } from "../../actors/mod.ts";
import { LocalBlocks } from "../../cmd/fleet/local_blocks.ts";
import { groupOfInstance } from "../../cmd/fleet/live_store.ts";
import { LocalLive } from "../../cmd/fleet/local_live.ts";
import { firstPoll, pollForEver } from "../../cmd/query_path.ts";
import { sleep } from "../../lib/waiting.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { BlockQuerier, ScanPool } from "../../query/querier/mod.ts";
import { liveStoreService } from "../../query/remote/mod.ts";
import { BlockList } from "../../storage/mod.ts";
import { KeptCommits } from "../../wal/mod.ts";
import type { Belongings, Ground } from "./cluster_ground.ts";
import { answerCall, type Message } from "./cluster_messages.ts";
import type { Place } from "./cluster_place.ts";
import type { Part } from "./cluster_process.ts";
import type { MemberRings } from "./cluster_rings.ts";
import { TIMES } from "./cluster_times.ts";

const READY_EVERY_MS = 2_000;
const BUILT_EVERYTHING = Number.MAX_SAFE_INTEGER;

export async function startLiveStore(
  ground: Ground,
  place: Place,
  rings: MemberRings,
  belongings: Belongings,
): Promise<Part> {
  const { runtime } = place;
  const { partition } = rings;
  const topic = ground.topic.port(place);
  const folder = belongings.folder.port(place);
  const list = new BlockList(runtime, folder, { readsMax: 4 });
  await firstPoll(list);
  const pool = new ScanPool(runtime, folder, {
    workers: 0,
    cacheBytesMax: 4 << 20,
    scansMax: 2,
    findsMax: 4,
  });
  const blocks = new BlockQuerier(runtime, list, pool.scanners);
  const own = new LocalBlocks(
    runtime,
    folder,
    list,
    {
      builtOffset: (one) =>
        ground.broken === "deletes_unbuilt_blocks"
          ? Promise.resolve(BUILT_EVERYTHING)
          : topic.committedOffset("block-builder", one),
      endOffset: (one) => topic.endOffset(one),
    },
    [partition],
    {
      keepMs: TIMES.keepMs,
      listedMs: 2 * TIMES.pollMs,
      graceMs: TIMES.graceMs,
      leftoverGraceMs: TIMES.keepMs,
      everyMs: TIMES.lookAfterMs,
    },
  );
  const group = groupOfInstance(place.name);
  const foldedTo = new FoldedTo();
  const host = new ThreadHost(runtime, {
    log: await KeptCommits.open(runtime, topic, belongings.mount(place), group),
    store: folder,
    limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
    announce: (built) => own.announce(built),
    pause: () => Promise.resolve(),
    folded: (...progress) => foldedTo.folded(...progress),
  }, {
    partitions: [partition],
    cut: { spansMax: 40, bytesMax: 1 << 30, ageMaxMs: TIMES.sectionMs },
    codec: "none",
    spansPerRowGroup: 80_000,
    timeSlackMs: 120_000,
    readBytesMax: 1 << 16,
    readWaitMs: TIMES.readWaitMs,
    group,
    lookback: { ms: 2 * TIMES.keepMs, recordAgeMaxMs: TIMES.keepMs },
  });
  const partitions = new LivePartitions(runtime, [host]);
  const source = new LocalLive(runtime, {
    live: partitions,
    blocks,
    watermarks: () => foldedTo.watermarks(),
  }, { failsOnLag: true, lagToleratedMs: TIMES.lagToleratedMs });

  let refusal: string | undefined = "live-store is starting";
  const methods = liveStoreService({
    query: (request, signal) => source.query(request, signal),
    findTrace: (tenant, traceId, signal) => source.findTrace(tenant, traceId, signal),
    watermarks: () => foldedTo.watermarks(),
    refusal: () => refusal,
  });
  const stop = new AbortController();
  const { signal } = stop;
  const running = partitions.run(signal);
  const looking = [own.run(signal), pollForEver(runtime, list, TIMES.pollMs, signal)];
  const becomeReady = async () => {
    while (!signal.aborted) {
      const statuses = await partitions.status();
      if (statuses.every(({ isReady }) => isReady)) break;
      await sleep(runtime.clock, READY_EVERY_MS, signal);
    }
    if (signal.aborted) return;
    refusal = undefined;
    rings.activate();
  };
  looking.push(becomeReady());
  return {
    ended: running,
    answer: async (message: Message) => {
      if (message.kind !== "call") throw new Error(`a live-store takes no ${message.kind}`);
      return await answerCall(methods, message.path, message.message, place.gone);
    },
    stop: async () => {
      refusal = "live-store is stopping";
      partitions.drain();
      await running;
      stop.abort();
      await Promise.all(looking);
    },
  };
}
