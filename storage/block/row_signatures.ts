// Distinct rows by content: a row is a sequence of integers (codes, types, words), met once.
// Resources and scopes repeat in every trace; this gives the row that already says the same.

import { grown } from "../../lib/growable.ts";

export class RowSignatures {
  /** The signature being built. */
  current = new Int32Array(64);
  length = 0;
  #rows = 0;
  #arena = new Int32Array(1024);
  #starts = new Int32Array(64);
  #hashes = new Int32Array(64);
  #slots = new Int32Array(128); // row + 1; 0 is free

  clear(): void {
    this.length = 0;
  }

  put(value: number): void {
    if (this.length === this.current.length) this.current = grown(this.current, 0);
    this.current[this.length++] = value;
  }

  /** The row of the current signature; the next free row if it is new. */
  intern(): number {
    const { current, length } = this;
    let hash = length;
    for (let i = 0; i < length; i++) {
      hash = Math.imul((hash << 13 | hash >>> 19) ^ current[i]!, 0x2c1b3c6d);
    }
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) ^ (hash >>> 13);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return this.#add(hash, slot);
      if (this.#hashes[row] === hash && this.#equals(row)) return row;
    }
  }

  #equals(row: number): boolean {
    const start = this.#starts[row]!;
    if (this.#starts[row + 1]! - start !== this.length) return false;
    for (let i = 0; i < this.length; i++) {
      if (this.#arena[start + i] !== this.current[i]) return false;
    }
    return true;
  }

  #add(hash: number, slot: number): number {
    const row = this.#rows++;
    if (row + 2 > this.#starts.length) {
      this.#starts = grown(this.#starts, 0);
      this.#hashes = grown(this.#hashes, 0);
    }
    const start = this.#starts[row]!;
    const end = start + this.length;
    if (end > this.#arena.length) this.#arena = grown(this.#arena, end);
    this.#arena.set(this.current.subarray(0, this.length), start);
    this.#starts[row + 1] = end;
    this.#hashes[row] = hash;
    this.#slots[slot] = row + 1;
    if (this.#rows * 2 > this.#slots.length) this.#rehash();
    return row;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.#rows; row++) {
      let slot = this.#hashes[row]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = row + 1;
    }
  }
}
