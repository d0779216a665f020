// Trace ids are met once: 16 bytes in, a small row number out.

import { grown } from "../lib/growable.ts";

export class TraceTable {
  length = 0;
  /** Four words per trace: its 16 bytes in their order, read little-endian. */
  words = new Uint32Array(256);
  #slots = new Int32Array(256); // row + 1; 0 is free

  intern(w0: number, w1: number, w2: number, w3: number): number {
    const mask = this.#slots.length - 1;
    const words = this.words;
    for (let slot = hashWords(w0, w1, w2, w3) & mask;; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return this.#add(w0, w1, w2, w3, slot);
      const at = row * 4;
      if (
        words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2 && words[at + 3] === w3
      ) return row;
    }
  }

  /** The row of a trace, or -1 if it was never met. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    const mask = this.#slots.length - 1;
    const { words } = this;
    for (let slot = hashWords(w0, w1, w2, w3) & mask;; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return -1;
      const at = row * 4;
      if (
        words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2 && words[at + 3] === w3
      ) return row;
    }
  }

  clear(): void {
    this.length = 0;
    this.#slots.fill(0);
  }

  get sizeBytes(): number {
    return this.length * 24; // 16 of the id, and two slots
  }

  get capacityBytes(): number {
    return this.words.byteLength + this.#slots.byteLength;
  }

  /** The 16 bytes of a trace id, not copied. */
  id(row: number): Uint8Array {
    return new Uint8Array(this.words.buffer, row * 16, 16);
  }

  #add(w0: number, w1: number, w2: number, w3: number, slot: number): number {
    const row = this.length++;
    if (row * 4 === this.words.length) this.words = grown(this.words, 0);
    this.words[row * 4] = w0;
    this.words[row * 4 + 1] = w1;
    this.words[row * 4 + 2] = w2;
    this.words[row * 4 + 3] = w3;
    this.#slots[slot] = row + 1;
    if (this.length * 2 > this.#slots.length) this.#rehash();
    return row;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    const words = this.words;
    for (let row = 0; row < this.length; row++) {
      const at = row * 4;
      let slot = hashWords(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.#slots = slots;
  }
}

// Clients choose ids, and some choose them badly: all four words take part.
function hashWords(w0: number, w1: number, w2: number, w3: number): number {
  const hash = Math.imul(w0 ^ Math.imul(w1, 0x85ebca6b), 0x9e3779b1) ^
    Math.imul(w2 ^ Math.imul(w3, 0xc2b2ae35), 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}
