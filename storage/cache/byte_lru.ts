// Values by name, the least recently used going first. Rule: it never holds more than `bytesMax`, names
// and what an entry costs included; what is too large to be worth it is not taken at all.

/** A Map's entry and the objects around the bytes: about this much on V8. */
const ENTRY_BYTES = 200;
/** One value may have this part of the whole. */
const SHARE_MAX = 1 / 4;

export interface SizedAs<V> {
  /** In memory, roughly. */
  sizeOf(value: V): number;
}

export class ByteLru<V> {
  /** Least recently used first. */
  readonly #entries = new Map<string, { readonly value: V; readonly cost: number }>();
  #sizeBytes = 0;

  constructor(readonly bytesMax: number, readonly sized: SizedAs<V>) {}

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(name: string): V | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    return entry.value;
  }

  put(name: string, value: V): void {
    this.#drop(name);
    const cost = this.sized.sizeOf(value) + name.length + ENTRY_BYTES;
    if (cost > this.bytesMax * SHARE_MAX) return;
    this.#entries.set(name, { value, cost });
    this.#sizeBytes += cost;
    for (const oldest of this.#entries.keys()) {
      if (this.#sizeBytes <= this.bytesMax) break;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#sizeBytes -= this.#entries.get(name)?.cost ?? 0;
    this.#entries.delete(name);
  }
}
