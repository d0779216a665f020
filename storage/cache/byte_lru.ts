// Bytes by name, the least recently used going first. Rule: it never holds more than `bytesMax`, names
// and what an entry costs included; what is too large to be worth it is not taken at all.

/** A Map's entry and the objects around the bytes: about this much on V8. */
const ENTRY_BYTES = 200;
/** One value may have this part of the whole. */
const SHARE_MAX = 1 / 4;

export class ByteLru {
  /** Least recently used first. */
  readonly #entries = new Map<string, Uint8Array>();
  #sizeBytes = 0;

  constructor(readonly bytesMax: number) {}

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(name: string): Uint8Array | undefined {
    const bytes = this.#entries.get(name);
    if (bytes === undefined) return undefined;
    this.#entries.delete(name);
    this.#entries.set(name, bytes);
    return bytes;
  }

  /** Takes a copy where the bytes are a part of something larger, which would be kept alive. */
  put(name: string, bytes: Uint8Array): void {
    const known = this.#entries.get(name);
    if (known !== undefined) this.#drop(name, known);
    const cost = costOf(name, bytes);
    if (cost > this.bytesMax * SHARE_MAX) return;
    const isPart = bytes.byteLength < bytes.buffer.byteLength;
    this.#entries.set(name, isPart ? bytes.slice() : bytes);
    this.#sizeBytes += cost;
    for (const [oldest, value] of this.#entries) {
      if (this.#sizeBytes <= this.bytesMax) break;
      this.#drop(oldest, value);
    }
  }

  #drop(name: string, bytes: Uint8Array): void {
    this.#entries.delete(name);
    this.#sizeBytes -= costOf(name, bytes);
  }
}

function costOf(name: string, bytes: Uint8Array): number {
  return bytes.length + name.length + ENTRY_BYTES;
}
