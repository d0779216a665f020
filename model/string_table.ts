// Strings are met once: UTF-8 bytes in, a small integer code out. No JS string is made on the way.
//
//   arena    b"" b"service.name" b"cart" …       every distinct string, end to end
//   offsets  [0, 0, 0, 12, 16, …]                 code c is arena[offsets[c], offsets[c + 1])
//   slots    (hash, code) pairs, open addressing  code 0 marks a free slot
//
// Code 0 is ABSENT and code 1 is the empty string, so a zero-filled column means "no value".
// Codes are dense, grow in order of first meeting, and are never reused.
// Bench: string_table_bench.ts; 20 bytes: 30-40 ns if known among a thousand, 170-280 ns among a million
// (cache misses), on a noisy machine.

import { grown } from "../lib/growable.ts";
import { systemRandom } from "../lib/random.ts";

export const ABSENT = 0;
export const EMPTY_STRING = 1;

const ENTRY_BYTES = 20; // an offset and two slots

// Without ignoreBOM a string that begins with U+FEFF would lose it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

// Unpredictable per process, so that a client cannot prepare strings that share one slot.
const hashSeed = systemRandom.fill(new Int32Array(1))[0]!;

export class StringTable {
  /** Number of codes handed out, ABSENT included: codes are [0, size). */
  size = 2;

  #arena = new Uint8Array(1 << 16);
  #arenaView = new DataView(this.#arena.buffer);
  #arenaLength = 0;
  #offsets = new Uint32Array(1 << 12);
  #slots = new Int32Array(1 << 14);
  #mask = (1 << 13) - 1;
  readonly #decoded: string[] = ["", ""];

  /** The code of `bytes[start, end)`; `view` must cover the same memory as `bytes`. */
  intern(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    if (start === end) return EMPTY_STRING;
    const hash = hashBytes(bytes, view, start, end);
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    for (;;) {
      const code = slots[slot * 2 + 1]!;
      if (code === 0) return this.#add(bytes, start, end, hash, slot);
      if (slots[slot * 2] === hash && this.#equals(code, bytes, view, start, end)) return code;
      slot = (slot + 1) & mask;
    }
  }

  /** Like `intern`, for strings that are likely to be `guess`, any number: comparing is cheaper than hashing. */
  internGuessed(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    guess: number,
  ): number {
    const isCode = guess > EMPTY_STRING && guess < this.size;
    return isCode && this.#equals(guess, bytes, view, start, end)
      ? guess
      : this.intern(bytes, view, start, end);
  }

  /** Forgets everything but keeps the memory: no page faults and no garbage for the next owner. */
  clear(): void {
    this.size = 2;
    this.#arenaLength = 0;
    this.#slots.fill(0);
    this.#decoded.length = 2;
  }

  internString(text: string): number {
    const bytes = encoder.encode(text);
    return this.intern(bytes, new DataView(bytes.buffer), 0, bytes.length);
  }

  /** Like `internString`, but ABSENT if the string was never met; what a query asks first. */
  find(text: string): number {
    const bytes = encoder.encode(text);
    if (bytes.length === 0) return EMPTY_STRING;
    const view = new DataView(bytes.buffer);
    const hash = hashBytes(bytes, view, 0, bytes.length);
    for (let slot = hash & this.#mask;; slot = (slot + 1) & this.#mask) {
      const code = this.#slots[slot * 2 + 1]!;
      if (code === 0) return ABSENT;
      if (this.#slots[slot * 2] === hash && this.#equals(code, bytes, view, 0, bytes.length)) {
        return code;
      }
    }
  }

  /** The text of a code; decoded on first use and kept. */
  text(code: number): string {
    return this.#decoded[code] ??= decoder.decode(this.bytes(code));
  }

  /** The UTF-8 of a code, not copied; valid until the next intern. */
  bytes(code: number): Uint8Array {
    return this.#arena.subarray(this.#offsets[code], this.#offsets[code + 1]);
  }

  copyTo(code: number, target: Uint8Array, at: number): void {
    const arena = this.#arena;
    const end = this.#offsets[code + 1]!;
    for (let i = this.#offsets[code]!; i < end; i++) target[at++] = arena[i]!;
  }

  byteLength(code: number): number {
    return this.#offsets[code + 1]! - this.#offsets[code]!;
  }

  /** Of the strings here, whatever is allocated. */
  get sizeBytes(): number {
    return this.#arenaLength + this.size * ENTRY_BYTES;
  }

  get capacityBytes(): number {
    return this.#arena.length + this.#offsets.byteLength + this.#slots.byteLength;
  }

  #equals(code: number, bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
    let at = this.#offsets[code]!;
    if (this.#offsets[code + 1]! - at !== end - start) return false;
    const arenaView = this.#arenaView;
    let i = start;
    for (; i + 4 <= end; i += 4, at += 4) {
      if (arenaView.getInt32(at, true) !== view.getInt32(i, true)) return false;
    }
    const arena = this.#arena;
    for (; i < end; i++, at++) if (arena[at] !== bytes[i]) return false;
    return true;
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const length = end - start;
    if (this.#arenaLength + length > this.#arena.length) {
      this.#arena = grown(this.#arena, this.#arenaLength + length);
      this.#arenaView = new DataView(this.#arena.buffer);
    }
    if (this.size + 1 >= this.#offsets.length) this.#offsets = grown(this.#offsets, this.size + 2);
    // A loop, not set(subarray()): most strings are short, and a view is an allocation.
    const arena = this.#arena;
    for (let i = start, at = this.#arenaLength; i < end; i++, at++) arena[at] = bytes[i]!;
    this.#arenaLength += length;
    const code = this.size++;
    this.#offsets[code + 1] = this.#arenaLength;
    this.#slots[slot * 2] = hash;
    this.#slots[slot * 2 + 1] = code;
    if (this.size * 2 > this.#mask) this.#rehash();
    return code;
  }

  #rehash(): void {
    const before = this.#slots;
    const after = new Int32Array(before.length * 2);
    const mask = this.#mask * 2 + 1;
    for (let i = 0; i < before.length; i += 2) {
      if (before[i + 1] === 0) continue;
      let slot = before[i]! & mask;
      while (after[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
      after[slot * 2] = before[i]!;
      after[slot * 2 + 1] = before[i + 1]!;
    }
    this.#slots = after;
    this.#mask = mask;
  }
}

/** Murmur-like: rotate, xor, multiply per word; the last word may overlap the one before. */
export function hashBytes(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let hash = hashSeed ^ (end - start);
  if (end - start >= 4) {
    for (let i = start; i + 4 < end; i += 4) {
      hash = Math.imul((hash << 13 | hash >>> 19) ^ view.getInt32(i, true), 0x2c1b3c6d);
    }
    hash = Math.imul((hash << 13 | hash >>> 19) ^ view.getInt32(end - 4, true), 0x2c1b3c6d);
  } else {
    for (let i = start; i < end; i++) {
      hash = Math.imul((hash << 13 | hash >>> 19) ^ bytes[i]!, 0x2c1b3c6d);
    }
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
