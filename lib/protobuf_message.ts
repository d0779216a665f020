// A protobuf message as its fields by number, for small messages that are seldom read.
// Rule: the last value of a field counts, what is missing is zero or empty; a field of another kind than
// asked for is ProtobufError. Integers beyond 2^53 lose their last bits.
import { ProtobufError, ProtobufReader, WireType } from "./protobuf_reader.ts";

type Value = number | Uint8Array;

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
    const value = this.all(field).at(-1) ?? 0;
    if (typeof value !== "number") throw new ProtobufError(`field ${field} is no number`, 0);
    return value;
  }

  text(field: number): string {
    return this.texts(field).at(-1) ?? "";
  }

  texts(field: number): string[] {
    return this.#bodies(field).map((bytes) => new TextDecoder().decode(bytes));
  }

  /** Empty if it is not there. */
  message(field: number): ProtobufMessage {
    return this.messages(field).at(-1) ?? new ProtobufMessage(new Uint8Array(0));
  }

  messages(field: number): ProtobufMessage[] {
    return this.#bodies(field).map((bytes) => new ProtobufMessage(bytes));
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
      return (low >>> 0) + (reader.high >>> 0) * 2 ** 32;
    }
    case WireType.Fixed64: {
      const at = reader.advance(8, end);
      return reader.view.getUint32(at, true) + reader.view.getUint32(at + 4, true) * 2 ** 32;
    }
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
