// The rings of one life of a process, over the simulated network: what cmd/rings.ts wires over HTTP.
// Rule: who stops in order says LEAVING first and is gone from its rings when it has ended; who crashes is missed.
import type { Directory } from "../../lib/fs.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { sleep } from "../../lib/waiting.ts";
import {
  defaultGossipOptions,
  Downscale,
  Gossip,
  InstanceLifecycler,
  MEMBERS_RING,
  PartitionLifecycler,
  partitionOfInstance,
  ReplicatedMap,
  RingHealth,
  RingView,
  SpreadTokens,
} from "../../ring/mod.ts";
import type { Network } from "./cluster_network.ts";
import type { Place } from "./cluster_place.ts";
import { TIMES } from "./cluster_times.ts";

const spread = new SpreadTokens();
const NEVER = new AbortController().signal;

export const LIVE_STORES = "live-store";
export const DISTRIBUTORS = "distributor";

export interface RingsPlace {
  readonly ring: typeof LIVE_STORES | typeof DISTRIBUTORS | typeof MEMBERS_RING;
  readonly seeds: readonly string[];
  /** Of a live-store. */
  readonly markers?: Directory;
  /** A rule that is broken on purpose: what others say is not taken in. */
  readonly isDeaf?: boolean;
}

export class MemberRings {
  readonly map = new ReplicatedMap();
  readonly view: RingView;
  readonly gossip: Gossip;
  downscale: Downscale | undefined;
  readonly #instance: InstanceLifecycler;
  readonly #health: readonly RingHealth[];
  readonly #stopLiving = new AbortController();
  readonly #stopTalking = new AbortController();
  readonly #living: Promise<void>[] = [];
  #talking = Promise.resolve();
  #lifecycler: PartitionLifecycler | undefined;

  constructor(readonly place: Place, network: Network, readonly options: RingsPlace) {
    const { runtime, name, zone } = place;
    const { clock } = runtime;
    this.#health = [LIVE_STORES, DISTRIBUTORS, MEMBERS_RING].map((ring) =>
      new RingHealth(clock, this.map, {
        ring,
        timeoutMs: TIMES.heartbeatTimeoutMs,
        forgetMs: TIMES.forgetMs,
      })
    );
    this.view = new RingView(this.map, spread, this.#health[0]!, zone);
    this.#instance = new InstanceLifecycler(runtime, this.map, {
      ring: options.ring,
      id: name,
      address: name,
      zone,
      gossip: name,
      heartbeatMs: TIMES.heartbeatMs,
    });
    const transport = {
      exchange: async (address: string, message: Uint8Array, signal: AbortSignal) => {
        if (options.isDeaf === true) throw new UnavailableError("nothing is heard");
        const asked = { kind: "gossip", message } as const;
        const answer = network.ask(place, address, asked, TIMES.gossipTimeoutMs, signal);
        return await answer as Uint8Array;
      },
    };
    this.gossip = new Gossip(runtime, transport, this.map, {
      ...defaultGossipOptions,
      name,
      address: name,
      seeds: () => Promise.resolve(options.seeds),
      intervalMs: TIMES.gossipMs,
      fullEveryMs: TIMES.fullGossipMs,
      timeoutMs: TIMES.gossipTimeoutMs,
    });
  }

  /** The partition of a live-store. */
  get partition(): number {
    return partitionOfInstance(this.place.name);
  }

  receive(message: Uint8Array): Uint8Array {
    if (this.options.isDeaf === true) throw new UnavailableError("nothing is heard");
    return this.gossip.receive(message);
  }

  async join(): Promise<void> {
    const { clock } = this.place.runtime;
    this.#instance.beat();
    const living = this.#stopLiving.signal;
    this.#living.push(this.#instance.run(living));
    await this.gossip.round(NEVER);
    this.#talking = this.gossip.run(this.#stopTalking.signal);
    if (this.options.markers !== undefined) {
      this.#lifecycler = new PartitionLifecycler(this.place.runtime, this.map, {
        instance: this.place.name,
        partition: this.partition,
        pollMs: TIMES.heartbeatMs,
        ownersMin: 1,
        ownersMinMs: TIMES.ownersMinMs,
        deleteInactiveAfterMs: TIMES.removePartitionMs,
      });
      const { markers } = this.options;
      this.downscale = await Downscale.open(clock, this.map, this.#lifecycler, markers, false);
      this.#living.push(this.#lifecycler.run(living));
    }
    this.#living.push(this.#watch(living));
  }

  activate(): void {
    this.#instance.activate();
  }

  async leave(): Promise<void> {
    this.#instance.leave();
    await this.gossip.round(NEVER);
  }

  async end(): Promise<void> {
    this.#stopLiving.abort();
    await Promise.all(this.#living);
    await this.gossip.round(NEVER);
    if (this.#lifecycler?.createsPartition === false) await this.downscale?.finish();
    this.#stopTalking.abort();
    await this.#talking;
    this.gossip[Symbol.dispose]();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const health of this.#health) health.forgetDead(); // which looks at all
      await sleep(this.place.runtime.clock, TIMES.heartbeatMs, signal);
    }
  }
}
