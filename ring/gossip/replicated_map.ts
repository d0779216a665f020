// What all members of a cluster know together: entries by id, each the newest that anybody wrote.
// It is a join-semilattice: merging commutes, associates and is idempotent, so that in whatever order
// and however often entries arrive, whoever has seen the same ones has the same map.
// Rules: of two entries of one id the later timestamp wins, then the higher rank, then the greater text,
// a total order; a writer moves the timestamp past what it replaces, so that a change is never lost to
// a slow clock. Heartbeats are apart from entries, for they change all the time and carry nothing.

export interface Entry {
  /** Of the writer's clock, in milliseconds, and later than that of what it replaced. */
  readonly timestampMs: number;
  /** Decides between equal timestamps: for partitions the number of the state. */
  readonly rank: number;
  /** JSON; in a tombstone the minute of the removal. */
  readonly value: string;
}

/** Of an entry with its id, two words; and of the id alone. */
type Hashes = readonly [low: number, high: number, id: number];

interface Beat {
  newest: number;
}

export const TOMBSTONE_RANK = 255;
const MINUTE_MS = 60_000;
const FNV_BASIS = 0x811c9dc5;
const OTHER_BASIS = 0x2bd5a3c7;
const FNV_PRIME = 0x01000193;
/** Ids of entries that beat begin so. */
export const BEATING_PREFIX = "i/";

export const isTombstone = ({ rank }: Entry): boolean => rank === TOMBSTONE_RANK;

/** Above 0 if `a` wins. */
export function compareEntries(a: Entry, b: Entry): number {
  return a.timestampMs - b.timestampMs || a.rank - b.rank ||
    (a.value === b.value ? 0 : a.value > b.value ? 1 : -1);
}

export class ReplicatedMap {
  readonly #entries = new Map<string, Entry>();
  readonly #beats = new Map<string, Beat>();
  readonly #hashes = new Map<string, Hashes>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #tombstones = new Set<string>();
  #hashLow = 0;
  #hashHigh = 0;
  #beating: readonly string[] | undefined;
  /** Of `beating`, in its order. */
  #inOrder: readonly Beat[] = [];

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** The value of an entry that is there and no tombstone. */
  value(id: string): string | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined || isTombstone(entry) ? undefined : entry.value;
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Two words; equal in maps of equal entries, whatever their heartbeats. */
  get contentsHash(): readonly [number, number] {
    return [this.#hashLow, this.#hashHigh];
  }

  /** Of one entry, for digests. */
  hashOf(id: string): Hashes {
    return this.#hashes.get(id)!;
  }

  /** Ids with heartbeats, in an order that is the same in maps of equal entries. */
  get beating(): readonly string[] {
    if (this.#beating !== undefined) return this.#beating;
    const ids = [...this.#entries]
      .filter(([id]) => this.#isBeating(id)).map(([id]) => id).sort();
    this.#inOrder = ids.map((id) => this.#beatOf(id));
    return this.#beating = ids;
  }

  beat(id: string): number {
    return this.#beats.get(id)?.newest ?? 0;
  }

  /** Of `beating`, in its order. */
  beats(): number[] {
    void this.beating;
    const beats = new Array<number>(this.#inOrder.length);
    for (let i = 0; i < beats.length; i++) beats[i] = this.#inOrder[i]!.newest;
    return beats;
  }

  /** Those of a map with equal entries, in the same order. */
  mergeBeats(beats: readonly number[]): void {
    if (beats.length !== this.beating.length) return;
    const known = this.#inOrder;
    for (let i = 0; i < known.length; i++) {
      if (beats[i]! > known[i]!.newest) known[i]!.newest = beats[i]!;
    }
  }

  /** Whether it is new. */
  mergeBeat(id: string, beat: number): boolean {
    const known = this.#beatOf(id);
    if (beat <= known.newest) return false;
    known.newest = beat;
    return true;
  }

  #isBeating(id: string): boolean {
    return id.startsWith(BEATING_PREFIX) && !isTombstone(this.#entries.get(id)!);
  }

  #beatOf(id: string): Beat {
    let beat = this.#beats.get(id);
    if (beat === undefined) this.#beats.set(id, beat = { newest: 0 });
    return beat;
  }

  /** Whether the map has changed; listeners have heard of it then. */
  merge(id: string, entry: Entry): boolean {
    const known = this.#entries.get(id);
    if (known !== undefined && compareEntries(entry, known) <= 0) return false;
    this.#replace(id, entry);
    return true;
  }

  /** Writes over whatever is known; the entry as it is now for others to merge. */
  write(id: string, nowMs: number, rank: number, value: string): Entry {
    const known = this.#entries.get(id);
    const timestampMs = Math.max(nowMs, (known?.timestampMs ?? 0) + 1);
    const entry = { timestampMs, rank, value };
    this.#replace(id, entry);
    return entry;
  }

  /**
   * Marks an entry as gone, with a timestamp that follows from what is removed: several who remove the
   * same within a minute write the same tombstone.
   */
  remove(id: string, nowMs: number): void {
    const known = this.#entries.get(id);
    if (known === undefined || isTombstone(known)) return;
    const timestampMs = known.timestampMs + 1;
    const value = String(Math.floor(nowMs / MINUTE_MS));
    this.#replace(id, { timestampMs, rank: TOMBSTONE_RANK, value });
  }

  /** Lets go of tombstones of removals before that time, when everybody must have heard of them. */
  forgetRemovedBefore(timeMs: number): void {
    for (const id of this.#tombstones) {
      const endOfMinuteMs = (Number(this.#entries.get(id)!.value) + 1) * MINUTE_MS;
      // Not "<=": what carries no number is no time, and goes.
      if (!(endOfMinuteMs > timeMs)) this.forget(id);
    }
  }

  /** Lets go of a tombstone. */
  forget(id: string): void {
    const known = this.#entries.get(id);
    if (known === undefined || !isTombstone(known)) return;
    this.#mix(id);
    this.#entries.delete(id);
    this.#hashes.delete(id);
    this.#tombstones.delete(id);
    this.#beats.delete(id);
    this.#beating = undefined;
  }

  /** Called with the id of each entry that changes; returns the way out. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #replace(id: string, entry: Entry): void {
    const known = this.#hashes.get(id);
    if (known !== undefined) this.#mix(id);
    const wasBeating = known !== undefined && this.#isBeating(id);
    this.#entries.set(id, entry);
    const [low, high] = hashOfEntry(id, entry);
    this.#hashes.set(id, [low, high, known?.[2] ?? hashOfId(id)]);
    if (isTombstone(entry)) this.#tombstones.add(id);
    else this.#tombstones.delete(id);
    this.#mix(id);
    if (wasBeating !== this.#isBeating(id)) this.#beating = undefined;
    for (const listener of this.#listeners) listener(id);
  }

  /** The hash of the map is the exclusive or of its entries', so this takes one in and out. */
  #mix(id: string): void {
    const [low, high] = this.#hashes.get(id)!;
    this.#hashLow = (this.#hashLow ^ low) >>> 0;
    this.#hashHigh = (this.#hashHigh ^ high) >>> 0;
  }
}

/** FNV-1a, twice from different starts, with a last mixing so that exclusive ors do not cancel. */
export function hashOfEntry(id: string, entry: Entry): readonly [number, number] {
  const text = `${id}\n${entry.timestampMs}\n${entry.rank}\n${entry.value}`;
  let low = FNV_BASIS;
  let high = OTHER_BASIS;
  // Both in one loop: neither has to wait for the other.
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, FNV_PRIME);
    high = Math.imul(high ^ code, FNV_PRIME);
  }
  return [mixed(low), mixed(high)];
}

/** Of an id alone. */
export function hashOfId(id: string): number {
  let hash = FNV_BASIS;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), FNV_PRIME);
  return mixed(hash);
}

/** The finalizer of MurmurHash3. */
function mixed(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
