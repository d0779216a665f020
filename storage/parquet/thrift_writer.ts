// Thrift's compact protocol, the writing half: what Parquet headers and footers are made of.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

import type { ByteWriter } from "../../lib/byte_writer.ts";

const encoder = new TextEncoder();

export const enum ThriftType {
  True = 1,
  False = 2,
  I8 = 3,
  I32 = 5,
  I64 = 6,
  Binary = 8,
  List = 9,
  Struct = 12,
}

export class ThriftWriter {
  #lastField = 0;

  constructor(readonly out: ByteWriter) {}

  field(id: number, type: ThriftType): void {
    const delta = id - this.#lastField;
    if (delta > 0 && delta < 16) this.out.u8(delta << 4 | type);
    else {
      this.out.u8(type);
      this.out.zigzag(id);
    }
    this.#lastField = id;
  }

  bool(id: number, value: boolean): void {
    this.field(id, value ? ThriftType.True : ThriftType.False);
  }

  i8(id: number, value: number): void {
    this.field(id, ThriftType.I8);
    this.out.u8(value);
  }

  i32(id: number, value: number): void {
    this.field(id, ThriftType.I32);
    this.out.zigzag(value);
  }

  i64(id: number, value: number): void {
    this.field(id, ThriftType.I64);
    this.out.zigzag(value);
  }

  binary(id: number, value: Uint8Array): void {
    this.field(id, ThriftType.Binary);
    this.bareBinary(value);
  }

  string(id: number, value: string): void {
    this.binary(id, encoder.encode(value));
  }

  struct(id: number, write: () => void): void {
    this.field(id, ThriftType.Struct);
    this.bareStruct(write);
  }

  bareStruct(write: () => void): void {
    const lastField = this.#lastField;
    this.#lastField = 0;
    write();
    this.out.u8(0);
    this.#lastField = lastField;
  }

  list<T>(id: number, type: ThriftType, items: readonly T[], write: (item: T) => void): void {
    this.field(id, ThriftType.List);
    if (items.length < 15) this.out.u8(items.length << 4 | type);
    else {
      this.out.u8(0xf0 | type);
      this.out.varint(items.length);
    }
    for (const item of items) write(item);
  }

  bareBinary(value: Uint8Array): void {
    this.out.varint(value.length);
    this.out.append(value);
  }
}
