// The series of a tenant, found by their labels: the newest time of each, and its number in the segment being written.
// Rule: of the same labels there is one entry, whoever made them; a series that has been silent for long is forgotten.
import type { Label } from "../series.ts";

export interface SeriesEntry {
  /** Of its newest point. */
  newestMs: number;
  /** A former life has written that point, and this one none yet. */
  isFormer: boolean;
  /** Who has given it `number`; another segment's is of no use. */
  segment: unknown;
  number: number;
}

export class SeriesIndex {
  readonly #byKey = new Map<string, SeriesEntry>();
  /** A registry hands on the same labels again and again: then no string is put together. */
  readonly #byLabels = new WeakMap<readonly Label[], SeriesEntry>();

  get size(): number {
    return this.#byKey.size;
  }

  of(labels: readonly Label[]): SeriesEntry {
    let entry = this.#byLabels.get(labels);
    if (entry !== undefined) return entry;
    const key = seriesKey(labels);
    entry = this.#byKey.get(key);
    if (entry === undefined) {
      entry = { newestMs: -Infinity, isFormer: false, segment: undefined, number: 0 };
      this.#byKey.set(key, entry);
    }
    this.#byLabels.set(labels, entry);
    return entry;
  }

  forget(silentSinceMs: number): void {
    for (const [key, { newestMs }] of this.#byKey) {
      if (newestMs < silentSinceMs) this.#byKey.delete(key);
    }
  }
}

function seriesKey(labels: readonly Label[]): string {
  let key = "";
  for (const [name, value] of labels) key += `${name.length}:${name}${value.length}:${value}`;
  return key;
}
