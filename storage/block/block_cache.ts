// What has been read of blocks and decoded, within a number of bytes: footers, indexes, dictionaries,
// columns. The least recently used goes first. One per thread and store; blocks never change, so
// nothing is ever stale. Below it, where given, are the caches of the bytes it was decoded from: what those
// hold is part of the number, and what they leave free is used here.
// Questions go through all blocks in turn: where these do not fit, the least recently used is just what
// comes next, and nothing would ever be found. So what is small and was made of much has several lives.
// Rule: what is wanted twice at the same time is loaded once. A load has no signal for that reason:
// it belongs to all who wait.

import type { RoleCaches } from "../cache/open_caches.ts";
import type { Keeper, Sized } from "../parquet/file.ts";

interface Entry {
  readonly value: Promise<unknown>;
  /** 0 while it loads. */
  sizeBytes: number;
  /** How often it may still be passed over. */
  lives: number;
  readonly livesMax: number;
}

export class BlockCache {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  hits = 0;
  misses = 0;

  constructor(readonly bytesMax: number, readonly ranges?: RoleCaches) {}

  get sizeBytes(): number {
    return this.#bytes;
  }

  get<T>(name: string, load: () => Promise<Sized<T>>, livesMax = 0): Promise<T> {
    const known = this.#entries.get(name);
    if (known !== undefined) {
      this.hits++;
      known.lives = known.livesMax;
      this.#entries.delete(name);
      this.#entries.set(name, known);
      return known.value as Promise<T>;
    }
    this.misses++;
    const loading = load();
    const value = loading.then(({ value }) => value);
    const entry: Entry = { value, sizeBytes: 0, lives: livesMax, livesMax };
    this.#entries.set(name, entry);
    loading.then(({ sizeBytes }) => this.#keep(name, entry, sizeBytes), () => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    });
    return entry.value as Promise<T>;
  }

  /** A part of this cache whose names all begin with `prefix`. */
  under(prefix: string): Keeper {
    return { get: (name, load, lives) => this.get(prefix + name, load, lives) };
  }

  /** Forgets everything under a prefix: of a block that is gone. */
  forget(prefix: string): void {
    for (const [name, { sizeBytes }] of this.#entries) {
      if (!name.startsWith(prefix)) continue;
      this.#entries.delete(name);
      this.#bytes -= sizeBytes;
    }
  }

  #keep(name: string, entry: Entry, sizeBytes: number): void {
    if (this.#entries.get(name) !== entry) return; // forgotten meanwhile
    entry.sizeBytes = Math.max(1, sizeBytes);
    this.#bytes += entry.sizeBytes;
    const bytesMax = this.bytesMax - (this.ranges?.sizeBytes ?? 0);
    for (const [oldest, old] of this.#entries) {
      if (this.#bytes <= bytesMax) break;
      // What still loads is of unknown size and about to be used.
      if (old.sizeBytes === 0) continue;
      this.#entries.delete(oldest);
      // To the end of this very walk, which comes to it again if need be.
      if (old.lives > 0) {
        old.lives--;
        this.#entries.set(oldest, old);
      } else this.#bytes -= old.sizeBytes;
    }
  }
}
