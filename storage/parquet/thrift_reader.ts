// Thrift's compact protocol, the reading half; the writing half is thrift_writer.ts.
// Rule: unknown fields are skipped, nesting and list lengths are bounded by the bytes that remain.

import { ByteCursor } from "../../lib/byte_cursor.ts";
import { check, CorruptionError } from "../../lib/errors.ts";
import { ThriftType } from "./thrift_writer.ts";

const NESTING_MAX = 32;
const decoder = new TextDecoder();

/** Reads one field if it knows it, and says whether it did. */
export type FieldReader = (id: number, type: number) => boolean;

export class ThriftReader {
  #depth = 0;

  constructor(readonly cursor: ByteCursor) {}

  struct(readField: FieldReader): void {
    check(++this.#depth <= NESTING_MAX, "structure nested too deeply", this.cursor.at);
    let id = 0;
    for (;;) {
      const head = this.cursor.u8();
      if (head === 0) break;
      const step = head >> 4;
      id = step === 0 ? this.cursor.zigzag() : id + step;
      if (!readField(id, head & 15)) this.#skip(head & 15);
    }
    this.#depth--;
  }

  integer(): number {
    return this.cursor.zigzag();
  }

  /** An integer that counts or locates something. */
  natural(): number {
    const value = this.cursor.zigzag();
    check(value >= 0, "negative where nothing negative can stand", this.cursor.at);
    return value;
  }

  binary(): Uint8Array {
    return this.cursor.take(this.cursor.varint());
  }

  text(): string {
    return decoder.decode(this.binary());
  }

  list<T>(readItem: (index: number) => T): T[] {
    const head = this.cursor.u8();
    const count = head >> 4 === 15 ? this.cursor.varint() : head >> 4;
    // Every item takes a byte at least.
    check(
      count <= this.cursor.end - this.cursor.at,
      `list of ${count} does not fit`,
      this.cursor.at,
    );
    return Array.from({ length: count }, (_, index) => readItem(index));
  }

  #skip(type: number): void {
    switch (type) {
      case ThriftType.True:
      case ThriftType.False:
        return;
      case ThriftType.I8:
        this.cursor.advance(1);
        return;
      case 4: // I16
      case ThriftType.I32:
      case ThriftType.I64:
        this.cursor.zigzag64();
        return;
      case 7: // Double
        this.cursor.advance(8);
        return;
      case ThriftType.Binary:
        this.binary();
        return;
      case ThriftType.List:
      case 10: { // Set
        const itemType = this.cursor.bytes[this.cursor.at]! & 15;
        const isBool = itemType === ThriftType.True || itemType === ThriftType.False;
        this.list(() => isBool ? this.cursor.advance(1) : this.#skip(itemType));
        return;
      }
      case ThriftType.Struct:
        this.struct(() => false);
        return;
      default:
        throw new CorruptionError(`unknown thrift type ${type}`, this.cursor.at);
    }
  }
}
