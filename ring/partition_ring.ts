// The partition ring as a value: which partitions exist, in which state, with which tokens.
// A key belongs to the owner of the first token strictly greater than it (wrapping), or to the next
// one on the ring that is Active: writing goes on while a partition is drained.
// A tenant may have a shard: some of the Active partitions, chosen by its name. Its keys belong to the
// next of those on the ring.
// Immutable: a change of state makes a new ring. Walking is done once, when the ring is made, for all
// partitions; in a shard of s of n it is n/s tokens a key.

import { UnavailableError } from "../lib/errors.ts";
import { GoRandom } from "./go_random.ts";
import { shardSeed } from "./token.ts";

/** The numbers are those of the gossiped ring; 0 is unknown and 4 a tombstone, neither is kept here. */
export enum PartitionState {
  /** Created, waits for owners: neither written nor read. */
  Pending = 1,
  Active = 2,
  /** Being drained: read, not written. */
  Inactive = 3,
}

/** By position in `partitions`: 1 for those of the shard. */
export type Shard = Uint8Array;

/** Of one ring; 2^32 tokens times so many owners are exact in a double. */
const OWNERS_MAX = 2 ** 20;

export interface Partition {
  readonly id: number;
  readonly state: PartitionState;
  /** Ascending. */
  readonly tokens: Uint32Array;
}

export class PartitionRing {
  /** Ascending by id. */
  readonly partitions: readonly Partition[];
  readonly #tokens: Uint32Array;
  /** By position in `#tokens`: whose it is, by position in `partitions`. */
  readonly #owners: Uint32Array;
  /** By position in `#tokens`: the Active partition a key just below that token goes to. */
  readonly #activeOwners: Int32Array;

  constructor(partitions: readonly Partition[]) {
    this.partitions = partitions.toSorted((a, b) => a.id - b.id);
    const count = partitions.reduce((sum, { tokens }) => sum + tokens.length, 0);
    // Token and owner in one number below 2^52: numbers sort ten times as fast as objects.
    const all = new Float64Array(count);
    let at = 0;
    for (const [owner, { tokens }] of this.partitions.entries()) {
      for (const token of tokens) all[at++] = token * OWNERS_MAX + owner;
    }
    all.sort();
    this.#tokens = new Uint32Array(count);
    this.#owners = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      this.#tokens[i] = all[i]! / OWNERS_MAX; // cut to a whole number
      this.#owners[i] = all[i]! - this.#tokens[i]! * OWNERS_MAX;
    }
    this.#activeOwners = new Int32Array(count).fill(-1);
    // Twice round, backwards: the second time the owner after the wrap is known.
    for (let turn = 0, owner = -1; turn < 2; turn++) {
      for (let i = count - 1; i >= 0; i--) {
        const { id, state } = this.partitions[this.#owners[i]!]!;
        if (state === PartitionState.Active) owner = id;
        this.#activeOwners[i] = owner;
      }
    }
  }

  /** The Active partition that takes traces with this token. */
  activePartitionForKey(key: number): number {
    const partition = this.#activeOwners[this.#firstAbove(key)] ?? -1;
    if (partition < 0) {
      throw new UnavailableError(
        `no active partition among the ${this.partitions.length} of the ring`,
      );
    }
    return partition;
  }

  /**
   * The tenant's shard of so many Active partitions, or all of them where there are fewer. It keeps all
   * but one of them when a partition joins or leaves, and a larger one contains a smaller one.
   */
  shardOf(tenant: string, size: number): Shard {
    const shard = new Uint8Array(this.partitions.length);
    const random = new GoRandom(shardSeed(tenant));
    const free = Uint8Array.from(
      this.partitions,
      ({ state }) => state === PartitionState.Active ? 1 : 0,
    );
    for (let chosen = 0; chosen < Math.min(size, this.partitions.length); chosen++) {
      const owner = this.#firstOf(free, random.uint32());
      if (owner < 0) break;
      shard[owner] = 1;
      free[owner] = 0;
    }
    return shard;
  }

  /** Whose a key is in a shard of this very ring. */
  partitionInShard(key: number, shard: Shard): number {
    const owner = this.#firstOf(shard, key);
    // Nobody is in it where nobody is Active, which is told as without one.
    return owner < 0 ? this.activePartitionForKey(key) : this.partitions[owner]!.id;
  }

  /** The first of those from the key on, once round; -1 if there are none. */
  #firstOf(those: Uint8Array, key: number): number {
    const owners = this.#owners;
    const start = this.#firstAbove(key);
    for (let at = start; at < owners.length; at++) if (those[owners[at]!] === 1) return owners[at]!;
    for (let at = 0; at < start; at++) if (those[owners[at]!] === 1) return owners[at]!;
    return -1;
  }

  /** Partitions that may hold data: those a query must ask and a consumer must read. */
  readable(): readonly Partition[] {
    return this.partitions.filter(({ state }) => state !== PartitionState.Pending);
  }

  /** The position of the first token strictly greater than the key, wrapping to 0. */
  #firstAbove(key: number): number {
    const tokens = this.#tokens;
    let low = 0;
    let high = tokens.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (tokens[middle]! > key) high = middle;
      else low = middle + 1;
    }
    return low === tokens.length ? 0 : low;
  }
}

/** Partitions 0 to `count` - 1, all Active: the ring of a single process. */
export function embeddedRing(
  count: number,
  spread: { of(partition: number): Uint32Array },
): PartitionRing {
  return new PartitionRing(
    Array.from({ length: count }, (_, id) => ({
      id,
      state: PartitionState.Active,
      tokens: spread.of(id),
    })),
  );
}
