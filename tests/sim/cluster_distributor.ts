// One life of a distributor in the simulated cluster: its ring is what its gossip knows.
import { createDistributor, defaultDistributorOptions } from "../../distributor/mod.ts";
import { defaultLimits } from "../../model/limits.ts";
import { RingRouter } from "../../ring/mod.ts";
import type { LogWriter } from "../../wal/mod.ts";
import type { Ground } from "./cluster_ground.ts";
import type { Message } from "./cluster_messages.ts";
import type { Place } from "./cluster_place.ts";
import type { Part } from "./cluster_process.ts";
import type { MemberRings } from "./cluster_rings.ts";

const NEVER = new AbortController().signal;

export function startDistributor(ground: Ground, place: Place, rings: MemberRings): Part {
  const port = ground.topic.port(place);
  const log: LogWriter = ground.broken === "acknowledges_at_once" ? unheard(port) : port;
  const distributor = createDistributor(place.runtime, {
    log,
    partitions: new RingRouter(() => rings.view.ring()),
    limits: () => defaultLimits,
  }, { ...defaultDistributorOptions, recordBytesMax: 2000 });
  const pushes = new Set<Promise<void>>();
  rings.activate();
  return {
    ended: undefined,
    answer: async (message: Message) => {
      if (message.kind !== "push") throw new Error(`a distributor takes no ${message.kind}`);
      const push = distributor.push(message.push, NEVER);
      pushes.add(push);
      await push.finally(() => pushes.delete(push));
    },
    stop: async () => {
      await Promise.allSettled(pushes);
    },
  };
}

/** Records go on their way, and nobody looks whether they arrive. */
function unheard(port: LogWriter): LogWriter {
  return {
    append: (records) => {
      port.append(records).catch(() => {});
      return Promise.resolve(records.map(() => 0));
    },
  };
}
