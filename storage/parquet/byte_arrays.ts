// Many byte strings end to end: string i is bytes[offsets[i], offsets[i + 1]). The dictionary of a
// column, or the values of a column that has none. Strings become JS strings only when asked for.

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { grown } from "../../lib/growable.ts";
import { decodeDelta32 } from "./decodings.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class ByteArrays {
  length = 0;
  bytes = new Uint8Array(0);
  offsets = new Int32Array(1);
  #view = new DataView(this.bytes.buffer);
  #texts: string[] = [];

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
    return this.#texts[index] ??= decoder.decode(this.at(index));
  }

  /** The index of `text`, or -1: one pass over the lengths, bytes compared only where they agree. */
  indexOf(text: string): number {
    const wanted = encoder.encode(text);
    const { offsets, bytes } = this;
    next: for (let i = 0; i < this.length; i++) {
      const start = offsets[i]!;
      if (offsets[i + 1]! - start !== wanted.length) continue;
      for (let k = 0; k < wanted.length; k++) if (bytes[start + k] !== wanted[k]) continue next;
      return i;
    }
    return -1;
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

  #reserve(count: number, sizeBytes: number): void {
    const bytes = this.offsets[this.length]! + sizeBytes;
    check(bytes < 2 ** 31, "strings of one column exceed 2 GiB", 0);
    if (bytes > this.bytes.length) {
      this.bytes = this.bytes.length === 0 ? new Uint8Array(bytes) : grown(this.bytes, bytes);
    }
    const offsets = this.length + count + 1;
    if (offsets > this.offsets.length) this.offsets = grown(this.offsets, offsets);
  }
}
