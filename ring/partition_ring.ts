// The partition ring as a value: which partitions exist, in which state, with which tokens.
// A key belongs to the owner of the first token strictly greater than it (wrapping), or to the next
// one on the ring that is Active: writing goes on while a partition is drained.
// Immutable: a change of state makes a new ring. Walking is done once, when the ring is made.

import { UnavailableError } from "../lib/errors.ts";

/** The numbers are those of the gossiped ring; 0 is unknown and 4 a tombstone, neither is kept here. */
export enum PartitionState {
  /** Created, waits for owners: neither written nor read. */
  Pending = 1,
  Active = 2,
  /** Being drained: read, not written. */
  Inactive = 3,
}

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
  /** By position in `#tokens`: the Active partition a key just below that token goes to. */
  readonly #activeOwners: Int32Array;

  constructor(partitions: readonly Partition[]) {
    this.partitions = partitions.toSorted((a, b) => a.id - b.id);
    const count = partitions.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const all: { token: number; owner: Partition }[] = [];
    for (const owner of this.partitions) {
      for (const token of owner.tokens) all.push({ token, owner });
    }
    all.sort((a, b) => a.token - b.token);
    this.#tokens = Uint32Array.from(all, ({ token }) => token);
    this.#activeOwners = new Int32Array(count).fill(-1);
    // Twice round, backwards: the second time the owner after the wrap is known.
    for (let turn = 0, owner = -1; turn < 2; turn++) {
      for (let i = count - 1; i >= 0; i--) {
        if (all[i]!.owner.state === PartitionState.Active) owner = all[i]!.owner.id;
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
