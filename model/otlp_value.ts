// Strings, ids and attribute values of an OTLP message, read into codes and words.
// A value is left in `type`, `low` and `high`, as AttributeColumns want it, because a kernel returns
// no objects; elements of an array go to the pool at once.
// Schema: opentelemetry/proto/common/v1/common.proto.

import { ProtobufError, ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { anyValueJson } from "./any_value_json.ts";
import { type AttributeColumns, AttributeType } from "./attribute_columns.ts";
import { EMPTY_STRING, type StringTable } from "./string_table.ts";

const enum Field {
  key = 1 << 3 | WireType.Bytes,
  value = 2 << 3 | WireType.Bytes,
  stringValue = 1 << 3 | WireType.Bytes,
  boolValue = 2 << 3 | WireType.Varint,
  intValue = 3 << 3 | WireType.Varint,
  doubleValue = 4 << 3 | WireType.Fixed64,
  arrayValue = 5 << 3 | WireType.Bytes,
  kvlistValue = 6 << 3 | WireType.Bytes,
  bytesValue = 7 << 3 | WireType.Bytes,
  arrayElement = 1 << 3 | WireType.Bytes,
}

/** Keys that share a guess harm nothing but time. */
const GUESS_MASK = 1023;

export class OtlpValueReader {
  type: AttributeType = AttributeType.String;
  low = 0;
  high = 0;
  /** The last id read, left-padded with zeros. */
  readonly id = new Uint32Array(4);
  /** Which key came last after a key, by its code: spans of one kind have the same ones in the same order. */
  readonly #keyAfter = new Int32Array(GUESS_MASK + 1);
  #lastKey = 0;
  readonly #idBytes = new Uint8Array(this.id.buffer);

  constructor(readonly reader: ProtobufReader, readonly strings: StringTable) {}

  attribute(end: number, into: AttributeColumns): void {
    const key = this.keyValue(end, into);
    into.append(key, this.type, this.low, this.high);
  }

  /** Returns the key; the value is left in the fields. */
  keyValue(end: number, pool: AttributeColumns): number {
    const reader = this.reader;
    let key = EMPTY_STRING;
    let hasValue = false;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.key) {
        key = this.#guessed(end, this.#keyAfter, this.#lastKey);
        this.#lastKey = key;
      } else if (tag === Field.value) {
        this.#value(reader.lengthEnd(end), pool);
        hasValue = true;
      } else reader.skip(tag, end);
    }
    if (!hasValue) this.#unsupported(reader.position, reader.position);
    return key;
  }

  string(end: number): number {
    const reader = this.reader;
    const stringEnd = reader.lengthEnd(end);
    const start = reader.position;
    reader.position = stringEnd;
    return this.strings.intern(reader.bytes, reader.view, start, stringEnd);
  }

  #guessed(end: number, guesses: Int32Array, by: number): number {
    const reader = this.reader;
    const stringEnd = reader.lengthEnd(end);
    const start = reader.position;
    reader.position = stringEnd;
    const at = by & GUESS_MASK;
    const guess = guesses[at]!;
    const code = this.strings.internGuessed(reader.bytes, reader.view, start, stringEnd, guess);
    if (code !== guess) guesses[at] = code;
    return code;
  }

  /** Leaves an id of `size` bytes in `id`, and returns how many bytes it had. */
  readId(size: number, end: number): number {
    const reader = this.reader;
    const idEnd = reader.lengthEnd(end);
    const start = reader.position;
    const length = idEnd - start;
    reader.position = idEnd;
    if (length === size) {
      const { view } = reader;
      this.id[0] = view.getUint32(start, true);
      this.id[1] = view.getUint32(start + 4, true);
      if (size === 16) {
        this.id[2] = view.getUint32(start + 8, true);
        this.id[3] = view.getUint32(start + 12, true);
      }
      return length;
    }
    if (length > size) throw new ProtobufError(`id longer than ${size} bytes`, start);
    this.id.fill(0);
    this.#idBytes.set(reader.bytes.subarray(start, idEnd), size - length);
    return length;
  }

  #value(end: number, pool: AttributeColumns): void {
    const start = this.reader.position;
    this.#scalarOrArray(end, pool);
    if (this.type === AttributeType.Unsupported) this.#unsupported(start, end);
  }

  /** Leaves type Unsupported if it is neither; an array's elements may not be arrays (no pool). */
  #scalarOrArray(end: number, pool: AttributeColumns | undefined): void {
    const reader = this.reader;
    this.type = AttributeType.Unsupported;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.stringValue:
          this.low = this.string(end);
          this.high = 0;
          this.type = AttributeType.String;
          break;
        case Field.boolValue:
          this.low = reader.varint64(end) !== 0 || reader.high !== 0 ? 1 : 0;
          this.high = 0;
          this.type = AttributeType.Bool;
          break;
        case Field.intValue:
          this.low = reader.varint64(end);
          this.high = reader.high;
          this.type = AttributeType.Int;
          break;
        case Field.doubleValue: {
          const at = reader.advance(8, end);
          this.low = reader.view.getUint32(at, true);
          this.high = reader.view.getUint32(at + 4, true);
          this.type = AttributeType.Double;
          break;
        }
        case Field.arrayValue: {
          const arrayEnd = reader.lengthEnd(end);
          this.type = AttributeType.Unsupported;
          if (pool !== undefined) this.#array(arrayEnd, pool);
          reader.position = arrayEnd;
          break;
        }
        case Field.kvlistValue:
        case Field.bytesValue:
          reader.position = reader.lengthEnd(end);
          this.type = AttributeType.Unsupported;
          break;
        default:
          reader.skip(tag, end);
      }
    }
  }

  /** Elements of one scalar type become rows of the pool; any other array is Unsupported. */
  #array(end: number, pool: AttributeColumns): void {
    const reader = this.reader;
    const first = pool.elementCount;
    let elementType = AttributeType.Unsupported;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag !== Field.arrayElement) {
        reader.skip(tag, end);
        continue;
      }
      this.#scalarOrArray(reader.lengthEnd(end), undefined);
      const isFirst = pool.elementCount === first;
      if (this.type === AttributeType.Unsupported || (!isFirst && this.type !== elementType)) {
        pool.elementCount = first;
        this.type = AttributeType.Unsupported;
        return;
      }
      elementType = this.type;
      pool.appendElement(this.low, this.high);
    }
    const count = pool.elementCount - first;
    this.type = AttributeType.EmptyArray + (count === 0 ? 0 : elementType);
    this.low = first;
    this.high = count;
  }

  #unsupported(start: number, end: number): void {
    const reader = this.reader;
    reader.position = start;
    this.low = this.strings.internString(anyValueJson(reader, end));
    this.high = 0;
    this.type = AttributeType.Unsupported;
    reader.position = end;
  }
}
