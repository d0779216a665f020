// One life of a block-builder in the simulated cluster: its partitions of the topic become blocks in the bucket.
import { LivePartitions, ThreadHost } from "../../actors/mod.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import type { Ground } from "./cluster_ground.ts";
import type { Place } from "./cluster_place.ts";
import type { Part } from "./cluster_process.ts";
import { TIMES } from "./cluster_times.ts";

export function startBuilder(ground: Ground, place: Place, partitions: readonly number[]): Part {
  const bucket = ground.bucket.port(place);
  const host = new ThreadHost(place.runtime, {
    log: ground.topic.port(place),
    store: ground.broken === "commits_before_durable" ? hasty(bucket, place) : bucket,
    limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
    announce: () => Promise.resolve(), // whoever asks finds them in the bucket
    pause: () => Promise.resolve(),
    folded: () => {},
  }, {
    partitions,
    cut: { spansMax: 150, bytesMax: 1 << 30, ageMaxMs: TIMES.buildMs },
    codec: "snappy",
    spansPerRowGroup: 80_000,
    timeSlackMs: 120_000,
    readBytesMax: 1 << 16,
    readWaitMs: TIMES.readWaitMs,
  });
  const live = new LivePartitions(place.runtime, [host]);
  const stop = new AbortController();
  const running = live.run(stop.signal);
  return {
    ended: running,
    answer: () => Promise.reject(new Error("a block-builder takes no questions")),
    stop: async () => {
      live.drain();
      await running;
    },
  };
}

const LATE_MS = 20_000;

/** Answers a write long before it is there. */
function hasty(store: ObjectStore, { runtime: { clock } }: Place): ObjectStore {
  return {
    gapBytesMax: store.gapBytesMax,
    read: (key, range, signal) => store.read(key, range, signal),
    readRanges: (key, ranges, signal) => store.readRanges(key, ranges, signal),
    sizeBytes: (key, signal) => store.sizeBytes(key, signal),
    write: (key, bytes, options) => {
      const copy = bytes.slice();
      clock.setTimeout(() => store.write(key, copy, options).catch(() => {}), LATE_MS);
      return Promise.resolve();
    },
    openWriter: (key) => store.openWriter(key),
    list: (prefix, delimiter, signal) => store.list(prefix, delimiter, signal),
    delete: (key, signal) => store.delete(key, signal),
  };
}
