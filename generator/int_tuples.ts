// Tuples of a fixed number of integers, each met once: a tuple in, a small dense number out.
// This is what a span costs on its way to its series: one lookup, no strings.
// A cache, not a memory: `clear` forgets all, and whoever keeps columns by these numbers forgets with it.
// Bench: bench/generator.ts.

import { grown } from "../lib/growable.ts";

/** Few, because every tenant has some. */
const SLOTS_AT_FIRST = 32;

export class IntTuples {
  length = 0;
  /** The tuple to look up; write here, then call `intern`. */
  readonly tuple: Int32Array;
  #stored: Int32Array;
  /** Number + 1; 0 is free. At most half full. */
  #slots = new Int32Array(SLOTS_AT_FIRST);

  constructor(readonly width: number) {
    this.tuple = new Int32Array(width);
    this.#stored = new Int32Array(width * SLOTS_AT_FIRST / 2);
  }

  /** The number of `tuple`; equal to the `length` before if it is a new one. */
  intern(): number {
    const { tuple, width } = this;
    const stored = this.#stored;
    const mask = this.#slots.length - 1;
    let hash = 0x9e3779b9;
    for (let i = 0; i < width; i++) {
      hash = Math.imul((hash << 13 | hash >>> 19) ^ tuple[i]!, 0x2c1b3c6d);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    for (let slot = (hash ^ (hash >>> 13)) & mask;; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]! - 1;
      if (number < 0) return this.#add(slot);
      let at = number * width;
      let i = 0;
      while (i < width && stored[at] === tuple[i]) {
        i++;
        at++;
      }
      if (i === width) return number;
    }
  }

  clear(): void {
    if (this.length === 0) return;
    this.length = 0;
    this.#slots.fill(0);
  }

  #add(slot: number): number {
    const number = this.length++;
    const end = this.length * this.width;
    if (end > this.#stored.length) this.#stored = grown(this.#stored, end);
    this.#stored.set(this.tuple, end - this.width);
    this.#slots[slot] = this.length;
    if (this.length * 2 > this.#slots.length) this.#rehash();
    return number;
  }

  #rehash(): void {
    const saved = this.tuple.slice();
    const stored = this.#stored;
    const { length, width } = this;
    this.#slots = new Int32Array(this.#slots.length * 2);
    this.length = 0;
    for (let number = 0; number < length; number++) {
      this.tuple.set(stored.subarray(number * width, (number + 1) * width));
      this.intern();
    }
    this.tuple.set(saved);
  }
}
