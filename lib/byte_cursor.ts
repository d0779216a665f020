// A position in bytes of unknown honesty: every read is checked against `end`.

import { check, CorruptionError } from "./errors.ts";

export class ByteCursor {
  readonly view: DataView;
  /** The result of `zigzag64`, two's complement words. */
  low = 0;
  high = 0;

  constructor(readonly bytes: Uint8Array, public at = 0, readonly end = bytes.length) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    check(this.at < this.end, "bytes end early", this.at);
    return this.bytes[this.at++]!;
  }

  /** Moves past `size` bytes and returns where they start. */
  advance(size: number): number {
    if (size > this.end - this.at || size < 0) {
      throw new CorruptionError(`${size} bytes do not fit`, this.at);
    }
    const start = this.at;
    this.at += size;
    return start;
  }

  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  take(size: number): Uint8Array {
    const start = this.advance(size);
    return this.bytes.subarray(start, start + size);
  }

  /** An unsigned varint below 2^53. */
  varint(): number {
    const first = this.u8();
    if (first < 128) return first; // most are
    let value = first & 127;
    let scale = 128;
    for (let i = 1; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        check(Number.isSafeInteger(value), "number too large", this.at);
        return value;
      }
      scale *= 128;
    }
    throw new CorruptionError("number too long", this.at);
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Any 64-bit zigzag varint, into `low` and `high`. */
  zigzag64(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0;; shift += 7) {
      check(shift < 70, "number too long", this.at);
      const byte = this.u8();
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) break;
    }
    const sign = -(low & 1);
    this.low = ((low >>> 1) | (high << 31)) ^ sign;
    this.high = (high >>> 1) ^ sign;
  }
}
