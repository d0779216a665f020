// Which entries a member still tells others: each change is told a number of times that grows with the
// logarithm of the cluster, the least told first, within the bytes of a message. Who missed all of them
// is found by the full exchange.

export class Rumors {
  /** By id: how often it was told. */
  readonly #told = new Map<string, number>();

  add(id: string): void {
    this.#told.set(id, 0);
  }

  get size(): number {
    return this.#told.size;
  }

  /** Of the ids to tell now, and counts them as told. `sizeOf` gives the bytes of an entry. */
  take(
    members: number,
    factor: number,
    bytesMax: number,
    sizeOf: (id: string) => number,
  ): string[] {
    const timesMax = timesToTell(members, factor);
    const taken: string[] = [];
    let bytes = 0;
    const waiting = [...this.#told].sort(([, a], [, b]) => a - b);
    for (const [id, times] of waiting) {
      bytes += sizeOf(id);
      if (taken.length > 0 && bytes > bytesMax) break;
      taken.push(id);
      if (times + 1 >= timesMax) this.#told.delete(id);
      else this.#told.set(id, times + 1);
    }
    return taken;
  }
}

/** With two exchanges a round everybody has heard after about this many rounds. */
export function timesToTell(members: number, factor: number): number {
  return factor * Math.ceil(Math.log2(members + 1)) + 2;
}
