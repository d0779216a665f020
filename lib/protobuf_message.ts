// A protobuf message as its fields by number, for small messages that are seldom read.
// Rule: the last value of a field counts, what is missing is zero or empty; a field of another kind than
// asked for is ProtobufError. As a number an integer beyond 2^53 loses its last bits.
import { ProtobufError, ProtobufReader, WireType } from "./protobuf_reader.ts";

type Value = bigint | Uint8Array;

export class ProtobufMessage {
  readonly #values = new Map<number, Value[]>();

  constructor(bytes: Uint8Array) {
    const reader = new ProtobufReader();
    reader.reset(bytes);
    const end = bytes.length;
    while (reader.position < end) {
      const tag = reader.tag(end);
      const value = valueOf(reader, bytes, tag, end);
      if (value === undefined) continue;
      const field = tag >>> 3;
      const values = this.#values.get(field);
      if (values === undefined) this.#values.set(field, [value]);
      else values.push(value);
    }
  }

  has(field: number): boolean {
    return this.#values.has(field);
  }

  all(field: number): readonly Value[] {
    return this.#values.get(field) ?? [];
  }

  number(field: number): number {
    return Number(this.integer(field));
  }

  /** Unsigned, of 64 bits. */
  integer(field: number): bigint {
    const value = this.all(field).at(-1) ?? 0n;
    if (typeof value !== "bigint") throw new ProtobufError(`field ${field} is no number`, 0);
    return value;
  }

  text(field: number): string {
    return this.texts(field).at(-1) ?? "";
  }

  texts(field: number): string[] {
    return this.#bodies(field).map((bytes) => new TextDecoder().decode(bytes));
  }

  /** Empty if it is not there. */
  bytes(field: number): Uint8Array {
    return this.#bodies(field).at(-1) ?? new Uint8Array(0);
  }

  binaries(field: number): Uint8Array[] {
    return this.#bodies(field);
  }

  /** Empty if it is not there. */
  message(field: number): ProtobufMessage {
    return this.messages(field).at(-1) ?? new ProtobufMessage(new Uint8Array(0));
  }

  messages(field: number): ProtobufMessage[] {
    return this.#bodies(field).map((bytes) => new ProtobufMessage(bytes));
  }

  /** Of a map from text to text. */
  pairs(field: number): [key: string, value: string][] {
    return this.messages(field).map((entry) => [entry.text(1), entry.text(2)]);
  }

  #bodies(field: number): Uint8Array[] {
    return this.all(field).map((value) => {
      if (value instanceof Uint8Array) return value;
      throw new ProtobufError(`field ${field} is a number`, 0);
    });
  }
}

function valueOf(
  reader: ProtobufReader,
  bytes: Uint8Array,
  tag: number,
  end: number,
): Value | undefined {
  switch (tag & 7) {
    case WireType.Varint: {
      const low = reader.varint64(end);
      return BigInt(reader.high >>> 0) << 32n | BigInt(low >>> 0);
    }
    case WireType.Fixed64:
      return reader.view.getBigUint64(reader.advance(8, end), true);
    case WireType.Bytes: {
      const bodyEnd = reader.lengthEnd(end);
      const body = bytes.subarray(reader.position, bodyEnd);
      reader.position = bodyEnd;
      return body;
    }
    default:
      reader.skip(tag, end);
  }
}
