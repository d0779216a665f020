// The tokens of partitions: 512 each, so placed that all partitions own nearly equal parts of the
// ring however many there are. Deterministic: partition i's tokens depend only on i, so that every
// process, also one of Tempo's, makes the same ring from the same ids.
//
// Partition 0 takes 512 equal steps of the ring. Each later one takes its 1/(i+1) from those before:
// 512 times it cuts the wanted size off the largest range of the partition that owns most.
//
//     … prev ├──────── range of a token ────────┤ token …
//     … prev ├─ wanted ─┤ new token ├───────────┤ token …

const RING_SIZE = 2 ** 32;
const TOKENS_PER_PARTITION = 512;
/** Sizes are multiples of this: in Tempo's scheme eight zones interleave their tokens. */
const GRANULE = 8;

/** A token and the range before it that it owns, `size` long. */
interface Range {
  readonly token: number;
  size: number;
}

interface Owner {
  readonly id: number;
  owned: number;
  readonly ranges: Heap<Range>;
}

export class SpreadTokens {
  readonly #tokens: Uint32Array[] = [];
  readonly #owners = new Heap<Owner>((a, b) =>
    a.owned > b.owned || a.owned === b.owned && a.id > b.id
  );

  /** Ascending. Asking for partition i makes those before it too, once. */
  of(partition: number): Uint32Array {
    while (this.#tokens.length <= partition) this.#addPartition();
    return this.#tokens[partition]!;
  }

  #addPartition(): void {
    const id = this.#tokens.length;
    const ranges = new Heap<Range>((a, b) =>
      a.size > b.size || a.size === b.size && a.token > b.token
    );
    const taken = id === 0 ? equalSteps() : this.#take(RING_SIZE / (id + 1));
    for (const range of taken) ranges.push(range);
    this.#owners.push({ id, owned: taken.reduce((sum, { size }) => sum + size, 0), ranges });
    this.#tokens.push(Uint32Array.from(taken, ({ token }) => token).sort());
  }

  #take(wanted: number): Range[] {
    const taken: Range[] = [];
    const exhausted: Owner[] = [];
    let owned = 0;
    while (taken.length < TOKENS_PER_PARTITION) {
      const size = toGranule((wanted - owned) / (TOKENS_PER_PARTITION - taken.length));
      const owner = this.#owners.top();
      const range = owner.ranges.top();
      if (range.size <= size) {
        exhausted.push(this.#owners.pop()); // owns much, but in ranges too small to cut
        continue;
      }
      const previous = range.token - range.size;
      taken.push({ token: (previous + size + RING_SIZE) % RING_SIZE, size });
      owned += size;
      range.size -= size;
      owner.ranges.topShrank();
      owner.owned -= size;
      this.#owners.topShrank();
    }
    for (const owner of exhausted) this.#owners.push(owner);
    return taken;
  }
}

function equalSteps(): Range[] {
  const size = RING_SIZE / TOKENS_PER_PARTITION;
  return Array.from({ length: TOKENS_PER_PARTITION }, (_, i) => ({ token: i * size, size }));
}

function toGranule(size: number): number {
  return Math.floor(size / GRANULE) * GRANULE;
}

/** A binary heap, largest on top. */
class Heap<T> {
  readonly #items: T[] = [];
  readonly #isAbove: (a: T, b: T) => boolean;

  constructor(isAbove: (a: T, b: T) => boolean) {
    this.#isAbove = isAbove;
  }

  top(): T {
    return this.#items[0]!;
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    for (let parent; at > 0 && this.#isAbove(item, items[parent = (at - 1) >> 1]!); at = parent) {
      items[at] = items[parent]!;
    }
    items[at] = item;
  }

  pop(): T {
    const top = this.#items[0]!;
    const last = this.#items.pop()!;
    if (this.#items.length > 0) {
      this.#items[0] = last;
      this.topShrank();
    }
    return top;
  }

  /** Puts the top where it belongs after it became smaller. */
  topShrank(): void {
    const items = this.#items;
    const item = items[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#isAbove(items[child + 1]!, items[child]!)) child++;
      if (!this.#isAbove(items[child]!, item)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
