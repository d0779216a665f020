// Many byte strings end to end: string i is bytes[offsets[i], offsets[i + 1]). The dictionary of a
// column, or the values of a column that has none. Strings become JS strings only when asked for.

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { grown } from "../../lib/growable.ts";
import { hashBytes } from "../../model/string_table.ts";
import { decodeDelta32 } from "./decodings.ts";

/** Looking through all strings so often is cheaper than an index of them, which costs 20 such passes. */
const SCANS_MAX = 3;
/** Below this many strings a pass costs less than hashing the wanted one. */
const INDEXED_MIN = 16;

/** After so many strings it is likely that all are wanted: a pattern is tried on each. */
const DECODED_MAX = 64;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

export class ByteArrays {
  length = 0;
  bytes = new Uint8Array(0);
  offsets = new Int32Array(1);
  #view = new DataView(this.bytes.buffer);
  #texts: string[] = [];
  #decodedCount = 0;
  /** All bytes as text, where that is one character a byte. */
  #whole: string | undefined;
  #scans = 0;
  /** Open addressing by hash: index + 1 of the first of equal strings, 0 is free. */
  #slots: Int32Array | undefined;

  get view(): DataView {
    if (this.#view.buffer !== this.bytes.buffer) {
      this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    }
    return this.#view;
  }

  at(index: number): Uint8Array {
    return this.bytes.subarray(this.offsets[index], this.offsets[index + 1]);
  }

  text(index: number): string {
    if (this.#whole) return this.#whole.slice(this.offsets[index], this.offsets[index + 1]);
    const known = this.#texts[index];
    if (known !== undefined) return known;
    if (this.#decodedCount++ === DECODED_MAX) this.#decodeAll();
    return this.#texts[index] = decoder.decode(this.at(index));
  }

  /** A slice of all bytes decoded at once costs 30 ns, a string decoded by itself 400. */
  #decodeAll(): void {
    const sizeBytes = this.offsets[this.length]!;
    const whole = decoder.decode(this.bytes.subarray(0, sizeBytes));
    // Only where each byte is a character do offsets of one serve the other.
    if (whole.length === sizeBytes) this.#whole = whole;
  }

  get sizeBytes(): number {
    return this.bytes.byteLength + this.offsets.byteLength;
  }

  /** Forgets everything but keeps the memory. */
  clear(): void {
    this.length = 0;
    this.offsets[0] = 0;
    this.#texts = [];
    this.#decodedCount = 0;
    this.#scans = 0;
    this.#slots = undefined;
    this.#whole = undefined;
  }

  /** What is appended to the copy is not seen here. */
  copy(): ByteArrays {
    const copy = new ByteArrays();
    copy.length = this.length;
    copy.bytes = this.bytes.slice();
    copy.offsets = this.offsets.slice();
    return copy;
  }

  /** The first index of `text`, or -1. */
  indexOf(text: string): number {
    const wanted = encoder.encode(text);
    if (this.#slots === undefined) {
      if (this.length < INDEXED_MIN || this.#scans++ < SCANS_MAX) return this.#scan(wanted);
      this.#slots = this.#indexed(undefined);
    }
    const slots = this.#slots;
    const mask = slots.length - 1;
    const view = new DataView(wanted.buffer, wanted.byteOffset, wanted.byteLength);
    let slot = hashBytes(wanted, view, 0, wanted.length) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const index = slots[slot]! - 1;
      if (this.#equals(index, wanted, 0, wanted.length)) return index;
    }
    return -1;
  }

  /** Each string once, in order of first appearance; `codes` is changed to match. */
  distinct(codes: Int32Array, count: number): ByteArrays {
    const firstOf = new Int32Array(this.length);
    this.#indexed(firstOf);
    const distinct = new ByteArrays();
    const codeOf = new Int32Array(this.length);
    let kept = 0;
    let bytes = 0;
    for (let i = 0; i < this.length; i++) {
      if (firstOf[i] !== i) codeOf[i] = codeOf[firstOf[i]!]!;
      else {
        codeOf[i] = kept++;
        bytes += this.offsets[i + 1]! - this.offsets[i]!;
      }
    }
    distinct.#reserve(kept, bytes);
    for (let i = 0; i < this.length; i++) {
      if (firstOf[i] !== i) continue;
      const at = distinct.offsets[distinct.length]!;
      distinct.bytes.set(this.at(i), at);
      distinct.offsets[++distinct.length] = at + this.offsets[i + 1]! - this.offsets[i]!;
    }
    for (let i = 0; i < count; i++) codes[i] = codeOf[codes[i]!]!;
    return distinct;
  }

  /** One pass over the lengths, bytes compared only where they agree. */
  #scan(wanted: Uint8Array): number {
    const { offsets, bytes } = this;
    next: for (let i = 0; i < this.length; i++) {
      const start = offsets[i]!;
      if (offsets[i + 1]! - start !== wanted.length) continue;
      for (let k = 0; k < wanted.length; k++) if (bytes[start + k] !== wanted[k]) continue next;
      return i;
    }
    return -1;
  }

  /** A table of all strings; `firstOf`, if wanted, becomes the first index of an equal string. */
  #indexed(firstOf: Int32Array | undefined): Int32Array {
    const { bytes, view, offsets, length } = this;
    const slots = new Int32Array(1 << (33 - Math.clz32(length | 1)));
    const mask = slots.length - 1;
    next: for (let i = 0; i < length; i++) {
      const start = offsets[i]!;
      const end = offsets[i + 1]!;
      let slot = hashBytes(bytes, view, start, end) & mask;
      for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const other = slots[slot]! - 1;
        if (!this.#equals(other, bytes, start, end)) continue;
        if (firstOf !== undefined) firstOf[i] = other;
        continue next;
      }
      slots[slot] = i + 1;
      if (firstOf !== undefined) firstOf[i] = i;
    }
    return slots;
  }

  #equals(index: number, other: Uint8Array, start: number, end: number): boolean {
    const { bytes, offsets } = this;
    let at = offsets[index]!;
    if (offsets[index + 1]! - at !== end - start) return false;
    for (let i = start; i < end; i++) if (bytes[at++] !== other[i]) return false;
    return true;
  }

  /** Appends `count` strings, each after its length in four bytes. */
  appendPlain(cursor: ByteCursor, count: number): void {
    check(count * 4 <= cursor.end - cursor.at, `${count} strings do not fit`, cursor.at);
    this.#reserve(count, cursor.end - cursor.at - count * 4);
    const { bytes, view } = cursor;
    const { offsets } = this;
    const target = this.bytes;
    let to = offsets[this.length]!;
    let at = cursor.at;
    for (let i = 0; i < count; i++) {
      check(at + 4 <= cursor.end, "string without a length", at);
      const size = view.getUint32(at, true);
      at += 4;
      check(size <= cursor.end - at, "string does not fit", at);
      for (const end = at + size; at < end;) target[to++] = bytes[at++]!;
      offsets[++this.length] = to;
    }
    cursor.at = at;
  }

  /** Appends `count` strings: DELTA_LENGTH_BYTE_ARRAY, all lengths, then all bytes. */
  appendDeltaLength(cursor: ByteCursor, count: number): void {
    this.#reserve(count, 0);
    const { offsets, length } = this;
    const start = offsets[length]!;
    decodeDelta32(cursor, offsets, length + 1, length + 1 + count);
    let end = start;
    for (let i = length + 1; i <= length + count; i++) {
      const size = offsets[i]!;
      check(size >= 0 && size <= cursor.end, "string does not fit", cursor.at);
      offsets[i] = end += size;
      check(end - start <= cursor.end, "strings do not fit", cursor.at);
    }
    const body = cursor.take(end - start);
    this.#reserve(0, body.length);
    this.bytes.set(body, start);
    this.length += count;
  }

  /** Appends strings that lie end to end in `bytes`. */
  appendParts(bytes: Uint8Array, lengths: Int32Array): void {
    this.#reserve(lengths.length, bytes.length);
    let end = this.offsets[this.length]!;
    this.bytes.set(bytes, end);
    for (const length of lengths) this.offsets[++this.length] = end += length;
  }

  #reserve(count: number, sizeBytes: number): void {
    this.#slots = undefined;
    this.#whole = undefined;
    const bytes = this.offsets[this.length]! + sizeBytes;
    check(bytes < 2 ** 31, "strings of one column exceed 2 GiB", 0);
    if (bytes > this.bytes.length) {
      this.bytes = this.bytes.length === 0 ? new Uint8Array(bytes) : grown(this.bytes, bytes);
    }
    const offsets = this.length + count + 1;
    if (offsets > this.offsets.length) this.offsets = grown(this.offsets, offsets);
  }
}
