// Attributes of one kind of owner (spans, events, links, resources or scopes), all owners end to end.
// An owner keeps `attributeStart`: its attributes are rows [attributeStart[i], attributeStart[i + 1]).
//
//   key    code of the key
//   type   AttributeType
//   words  8 bytes of value, low word first, read according to type:
//            String       low word: string code
//            Bool         low word: 0 or 1
//            Int, Double  the 64 bits as they came; `doubles` is the same memory
//            arrays       low word: first row in `elementWords`, high word: number of elements
//            Unsupported  low word: code of the value as protobuf JSON (key-value lists, bytes,
//                         mixed arrays), which is also what vParquet stores

import { grown } from "../lib/growable.ts";

export const enum AttributeType {
  String = 1,
  Int = 2,
  Double = 3,
  Bool = 4,
  Unsupported = 5,
  EmptyArray = 8,
  StringArray = 9,
  IntArray = 10,
  DoubleArray = 11,
  BoolArray = 12,
}

const ROW_BYTES = 13;

export class AttributeColumns {
  length = 0;
  key = new Int32Array(256);
  type = new Uint8Array(256);
  words = new Uint32Array(512);
  doubles = new Float64Array(this.words.buffer);

  elementCount = 0;
  elementWords = new Uint32Array(64);

  /** Bit t is set once a row of type t was appended: lets a reader skip whole types. */
  typesSeen = 0;

  append(key: number, type: AttributeType, low: number, high: number): void {
    const row = this.length++;
    if (row === this.key.length) this.#grow();
    this.key[row] = key;
    this.type[row] = type;
    this.words[row * 2] = low;
    this.words[row * 2 + 1] = high;
    this.typesSeen |= 1 << type;
  }

  appendElement(low: number, high: number): void {
    const row = this.elementCount++;
    if (row * 2 === this.elementWords.length) this.elementWords = grown(this.elementWords, 0);
    this.elementWords[row * 2] = low;
    this.elementWords[row * 2 + 1] = high;
  }

  hasType(type: AttributeType): boolean {
    return (this.typesSeen & (1 << type)) !== 0;
  }

  hasArrays(): boolean {
    return this.typesSeen >>> AttributeType.EmptyArray !== 0;
  }

  truncate(length: number, elementCount: number): void {
    this.length = length;
    this.elementCount = elementCount;
  }

  /** The rows after it move up. */
  remove(row: number): void {
    const { length } = this;
    this.key.copyWithin(row, row + 1, length);
    this.type.copyWithin(row, row + 1, length);
    this.words.copyWithin(row * 2, row * 2 + 2, length * 2);
    this.length = length - 1;
  }

  clear(): void {
    this.truncate(0, 0);
    this.typesSeen = 0;
  }

  get sizeBytes(): number {
    return this.length * ROW_BYTES + this.elementCount * 8;
  }

  get capacityBytes(): number {
    return this.key.length * ROW_BYTES + this.elementWords.byteLength;
  }

  #grow(): void {
    this.key = grown(this.key, 0);
    this.type = grown(this.type, 0);
    this.words = grown(this.words, 0);
    this.doubles = new Float64Array(this.words.buffer);
  }
}
