// One life of a frontend with its querier in the simulated cluster: blocks of the bucket, live data of others.
import { firstPoll, pollForEver } from "../../cmd/query_path.ts";
import { createFrontend, type Frontend } from "../../query/frontend/mod.ts";
import { BlockQuerier, type LiveSource, ScanPool } from "../../query/querier/mod.ts";
import { type OwnedPartition, RemoteLive } from "../../query/remote/mod.ts";
import { BlockList } from "../../storage/mod.ts";
import type { BrokenRule, Ground } from "./cluster_ground.ts";
import { SimulatedOwner } from "./cluster_messages.ts";
import type { Place } from "./cluster_place.ts";
import type { Part } from "./cluster_process.ts";
import type { MemberRings } from "./cluster_rings.ts";
import { TIMES } from "./cluster_times.ts";

export interface Questions {
  /** Of everything. */
  readonly frontend: Frontend;
  /** Of live data alone. */
  readonly live: LiveSource;
  /** Of the bucket alone. */
  readonly blocks: BlockQuerier;
}

export async function startQuerier(
  ground: Ground,
  place: Place,
  rings: MemberRings,
): Promise<Part & { readonly questions: Questions }> {
  const { runtime } = place;
  const bucket = ground.bucket.port(place);
  const list = new BlockList(runtime, bucket, { readsMax: 4 });
  await firstPoll(list);
  const stop = new AbortController();
  const polling = pollForEver(runtime, list, TIMES.pollMs, stop.signal);
  const pool = new ScanPool(runtime, bucket, {
    workers: 0,
    cacheBytesMax: 16 << 20,
    scansMax: 2,
    findsMax: 4,
  });
  const blocks = new BlockQuerier(runtime, list, pool.scanners);
  const live = new RemoteLive(
    runtime,
    () => asked(rings.view.owners(), ground.broken),
    (address) => new SimulatedOwner(ground.network, place, address),
    {
      hedgingDelayMs: TIMES.hedgingMs,
      minimizeRequests: true,
      checkIntervalMs: TIMES.checkOwnersMs,
    },
  );
  const frontend = createFrontend(runtime, { live, blocks }, {
    timeoutMs: 0,
    slo: {},
    metricsBackendAfterMs: TIMES.backendAfterMs,
  });
  rings.activate();
  return {
    ended: undefined,
    questions: { frontend, live, blocks },
    answer: () => Promise.reject(new Error("a querier takes no questions from processes")),
    stop: async () => {
      stop.abort();
      await polling;
      await live[Symbol.asyncDispose]();
    },
  };
}

function asked(
  owned: readonly OwnedPartition[],
  broken: BrokenRule | undefined,
): readonly OwnedPartition[] {
  if (broken === "skips_a_partition") return owned.slice(1);
  if (broken !== "asks_all_owners") return owned;
  return owned.flatMap(({ partition, owners }) =>
    owners.map((owner) => ({ partition, owners: [owner] }))
  );
}
