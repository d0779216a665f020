// The strings of one column of several inputs as one dictionary, each once, in the form of a dictionary
// page: a string is met once per input, by its bytes; the values are codes and only looked up.
//
//   strings   [4] cart [3] GET …     as they are written; `offsets` says where each begins
//   slots     code + 1, open addressing; hashes stand by code, for most slots that are hit are free
//
// The table is kept as small as its strings allow: that it fits into the cache is what counts.

import { ByteWriter } from "../../lib/byte_writer.ts";
import { grown } from "../../lib/growable.ts";
import { hashBytes } from "../../model/string_table.ts";

export class JoinedDictionary {
  length = 0;
  readonly strings = new ByteWriter(1 << 16);
  /** Where the bytes of a string begin, behind their length. */
  #offsets = new Int32Array(1 << 10);
  #hashes = new Int32Array(1 << 10);
  #slots = new Int32Array(1 << 11);
  #mask = 0;

  /** Forgets all strings; `stringsExpected` is about how many will come. */
  reset(stringsExpected: number): void {
    this.length = 0;
    this.strings.clear();
    this.#clearSlots(2 << (32 - Math.clz32(stringsExpected))); // half of them stay free at least
  }

  /** The code of `bytes[start, end)`; `view` must cover the same memory as `bytes`. */
  intern(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const hash = hashBytes(bytes, view, start, end);
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const code = slots[slot]! - 1;
      if (code < 0) {
        slots[slot] = this.length + 1;
        return this.#add(bytes, start, end, hash);
      }
      if (this.#hashes[code] === hash && this.#equals(code, bytes, view, start, end)) return code;
    }
  }

  byteLength(code: number): number {
    return this.strings.view.getUint32(this.#offsets[code]! - 4, true);
  }

  /** Appends the bytes of a string, without their length. */
  appendTo(out: ByteWriter, code: number): void {
    const size = this.byteLength(code);
    out.reserve(size);
    const { bytes } = this.strings;
    const target = out.bytes;
    let to = out.length;
    for (let i = this.#offsets[code]!, end = i + size; i < end; i++) target[to++] = bytes[i]!;
    out.length = to;
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const { strings } = this;
    strings.u32(end - start);
    strings.reserve(end - start);
    if (this.length === this.#offsets.length) {
      this.#offsets = grown(this.#offsets, 0);
      this.#hashes = grown(this.#hashes, 0);
    }
    this.#offsets[this.length] = strings.length;
    this.#hashes[this.length] = hash;
    // A loop, not set(subarray()): most strings are short, and a view is an allocation.
    const target = strings.bytes;
    let to = strings.length;
    for (let i = start; i < end; i++) target[to++] = bytes[i]!;
    strings.length = to;
    const code = this.length++;
    if (this.length * 2 > this.#mask) this.#rehash();
    return code;
  }

  #rehash(): void {
    this.#clearSlots((this.#mask + 1) * 2);
    const slots = this.#slots;
    const mask = this.#mask;
    for (let code = 0; code < this.length; code++) {
      let slot = this.#hashes[code]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = code + 1;
    }
  }

  #clearSlots(count: number): void {
    if (count > this.#slots.length) this.#slots = new Int32Array(count);
    else this.#slots.fill(0, 0, count);
    this.#mask = count - 1;
  }

  #equals(code: number, bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
    const known = this.strings.view;
    let at = this.#offsets[code]!;
    if (known.getUint32(at - 4, true) !== end - start) return false;
    let i = start;
    for (; i + 4 <= end; i += 4, at += 4) {
      if (known.getInt32(at, true) !== view.getInt32(i, true)) return false;
    }
    const own = this.strings.bytes;
    for (; i < end; i++, at++) if (own[at] !== bytes[i]) return false;
    return true;
  }
}
