// The partition ring as routing and queries want it, made anew when the replicated map has changed.
// Rules: partitions that were removed are not there; an owner whose instance is not healthy answers no
// query; of several owners the own zone's comes first.
import type { ReplicatedMap } from "./gossip/replicated_map.ts";
import type { JudgedInstance, RingHealth } from "./health.ts";
import { PartitionRing } from "./partition_ring.ts";
import { type PartitionEntry, partitionsOf } from "./ring_entries.ts";

export interface PartitionOwners {
  readonly partition: number;
  /** Healthy, the best to ask first; empty if nobody can be asked. */
  readonly owners: readonly JudgedInstance[];
}

export class RingView {
  #ring = new PartitionRing([]);
  /** What it was made of. */
  #ringOf = "";
  #isRingOld = true;
  #partitions: readonly PartitionEntry[] | undefined;

  constructor(
    readonly map: ReplicatedMap,
    readonly tokens: { of(partition: number): Uint32Array },
    readonly health: RingHealth,
    readonly zone: string,
  ) {
    map.onChange((id) => {
      if (!/^[plo]\//.test(id)) return;
      this.#isRingOld = true;
      this.#partitions = undefined;
    });
  }

  get partitions(): readonly PartitionEntry[] {
    return this.#partitions ??= partitionsOf(this.map);
  }

  /** The same one until a partition comes, goes or changes its state. */
  ring(): PartitionRing {
    if (this.#isRingOld) {
      this.#isRingOld = false;
      const wanted = this.partitions.map(({ id, state }) => `${id} ${state}`).join();
      if (wanted !== this.#ringOf) {
        this.#ringOf = wanted;
        this.#ring = new PartitionRing(
          this.partitions.map(({ id, state }) => ({ id, state, tokens: this.tokens.of(id) })),
        );
      }
    }
    return this.#ring;
  }

  /** Of every partition that may hold data, whom a query may ask. */
  owners(): PartitionOwners[] {
    const judged = new Map(this.health.judge().map((instance) => [instance.id, instance]));
    const readable = new Set(this.ring().readable().map(({ id }) => id));
    return this.partitions.filter(({ id }) => readable.has(id)).map(({ id, owners }) => ({
      partition: id,
      owners: owners.map(({ instance }) => judged.get(instance))
        .filter((instance) => instance?.isHealthy === true && instance.state === "ACTIVE")
        .map((instance) => instance!)
        .sort((a, b) => Number(b.zone === this.zone) - Number(a.zone === this.zone)),
    }));
  }
}
