// One life of scheduler and worker in the simulated cluster: they merge the blocks of the bucket.
import { firstPoll, pollForEver } from "../../cmd/query_path.ts";
import { BlockList } from "../../storage/mod.ts";
import { backendOf } from "./backend.ts";
import type { Belongings, Ground } from "./cluster_ground.ts";
import type { Place } from "./cluster_place.ts";
import type { Part } from "./cluster_process.ts";
import { TIMES } from "./cluster_times.ts";

const LOOKS_EVERY_MS = 20_000;

export async function startBackend(
  ground: Ground,
  place: Place,
  belongings: Belongings,
): Promise<Part> {
  const { runtime } = place;
  const bucket = ground.bucket.port(place);
  const list = new BlockList(runtime, bucket, { readsMax: 4 });
  await firstPoll(list);
  const stop = new AbortController();
  const polling = pollForEver(runtime, list, TIMES.pollMs, stop.signal);
  const openDisk = () => Promise.resolve(belongings.mount(place));
  const running = backendOf(runtime, openDisk, bucket, list, LOOKS_EVERY_MS)(stop.signal);
  return {
    ended: running,
    answer: () => Promise.reject(new Error("the backend takes no questions")),
    stop: async () => {
      stop.abort();
      await Promise.all([running, polling]);
    },
  };
}
