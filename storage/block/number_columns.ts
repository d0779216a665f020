// Number columns whose values are numbers of the language: counts, enums, nested sets.

import type { ByteWriter } from "../../lib/byte_writer.ts";
import { encodeDelta } from "../parquet/encodings.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import type { ChunkOutput, Steps } from "./chunk_output.ts";
import type { Leaf } from "./schema.ts";

/** Values by row of the list. */
export function deltaColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  source: Int32Array | Uint8Array,
): Steps {
  const { row } = list;
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    const numbers = output.numbers(to - from);
    let count = 0;
    for (let i = from; i < to; i++) if (row[i]! >= 0) numbers[count++] = source[row[i]!]!;
    if (leaf.hasBounds) output.bounds = smallIntBounds(numbers, count);
    encodeDelta(output.values, numbers, 0, count);
    return count;
  });
}

/** Values by position: one for each element of the list, in its order. */
export function deltaInOrderColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  source: Int32Array,
): Steps {
  const { row } = list;
  let position = 0;
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    const start = position;
    for (let i = from; i < to; i++) if (row[i]! >= 0) position++;
    encodeDelta(output.values, source, start, position);
    return position - start;
  });
}

export function plainColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  source: Int32Array,
): Steps {
  const { row } = list;
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    output.values.reserve((to - from) * 4);
    let count = 0;
    for (let i = from; i < to; i++) {
      if (row[i]! < 0) continue;
      output.values.u32(source[row[i]!]!);
      count++;
    }
    return count;
  });
}

/** Booleans, eight to a byte. */
export class BitWriter {
  #byte = 0;
  #count = 0;

  constructor(readonly out: ByteWriter, countMax: number) {
    out.reserve((countMax >> 3) + 1);
  }

  put(bit: number): void {
    this.#byte |= bit << (this.#count & 7);
    if ((++this.#count & 7) === 0) {
      this.out.bytes[this.out.length++] = this.#byte;
      this.#byte = 0;
    }
  }

  finish(): void {
    if ((this.#count & 7) !== 0) this.out.bytes[this.out.length++] = this.#byte;
  }
}

/** Of natural numbers in an INT64 column. */
function smallIntBounds(numbers: Float64Array, count: number) {
  if (count === 0) return undefined;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    if (numbers[i]! < min) min = numbers[i]!;
    if (numbers[i]! > max) max = numbers[i]!;
  }
  return { min: int64Bytes(BigInt(min)), max: int64Bytes(BigInt(max)) };
}

export function int64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes;
}
