// What the pages of the rings show of a process's rings, and the downscale of a live-store.
import type { DownscaleApi, InstanceRingApi, MemberlistApi, RingsApi } from "../../api/mod.ts";
import { InputError } from "../../lib/errors.ts";
import {
  changeLock,
  changeState,
  type JudgedInstance,
  removeInstance,
  type RingHealth,
} from "../../ring/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Rings } from "../rings.ts";
import type { OpenGossip } from "./open_gossip.ts";

const PREFIX = "collectors/";
const PARTITIONS_KEY = `${PREFIX}livestore-partitions`;

export function ringPages(rings: Rings, config: Config): RingsApi {
  const { map, view, runtime: { clock } } = rings;
  const { rate_strategy } = config.overrides.defaults.ingestion;
  const partitions = () =>
    view.partitions.map(({ id, owners, ...partition }) => ({
      ...partition,
      id,
      owners: owners.map(({ instance }) => instance),
      tokens: view.tokens.of(id),
    }));
  return {
    partitions: {
      partitions,
      changeState: (partition, state) => changeState(map, partition, state, clock.now()),
      changeLock: (partition, isLocked) => changeLock(map, partition, isLocked, clock.now()),
    },
    liveStores: instanceRing(rings, rings.liveStores),
    distributors: rate_strategy === "global" ? instanceRing(rings, rings.distributors) : undefined,
    generators: instanceRing(rings, rings.generators),
    memberlist: rings.gossip && memberlistOf(rings, rings.gossip),
  };
}

/** Undefined for a process that is no live-store. */
export function downscaleOf(rings: Rings, isRunning: () => boolean): DownscaleApi | undefined {
  const { downscale } = rings;
  return downscale && {
    isRunning,
    partition: () => downscale.partition(),
    drain: () => downscale.drain(),
    undrain: () => downscale.undrain(),
    isPrepared: () => downscale.isPrepared(),
    prepare: () => downscale.prepare(),
    undo: () => downscale.undo(),
  };
}

function instanceRing({ map, runtime: { clock } }: Rings, health: RingHealth): InstanceRingApi {
  return {
    instances: () => health.judge(),
    forget(id) {
      const { ring } = health.options;
      if (!removeInstance(map, ring, id, clock.now())) {
        throw new InputError("not_found", `there is no instance ${JSON.stringify(id)} in ${ring}`);
      }
    },
  };
}

function memberlistOf(rings: Rings, { nodeName, gossip }: OpenGossip): MemberlistApi {
  const all = [rings.liveStores, rings.distributors, rings.generators, rings.members];
  return {
    name: nodeName,
    address: gossip.options.address,
    members: () =>
      all.flatMap((health) => health.judge().map((one) => ({ ...one, ring: health.options.ring }))),
    keys: () => [PARTITIONS_KEY, ...all.map(({ options: { ring } }) => PREFIX + ring)],
    value(key: string): unknown {
      if (key === PARTITIONS_KEY) return rings.view.partitions;
      const health = all.find(({ options: { ring } }) => PREFIX + ring === key);
      return health?.judge().map(told);
    },
  };
}

/** Without what this process alone thinks of it. */
function told({ isHealthy: _, silentMs: __, ...instance }: JudgedInstance) {
  return instance;
}
