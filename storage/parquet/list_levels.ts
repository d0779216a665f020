// The entries of a nested list over a whole row group, and where each stripe's entries lie.
// An entry is an element, or stands for an empty list (row -1); see Dremel, and VPARQUET.md for r/d.

import { ByteWriter } from "../../lib/byte_writer.ts";
import type { EncodedLevels } from "./column_chunk.ts";
import { grown } from "../../lib/growable.ts";
import { bitWidth, encodeSmall } from "./encodings.ts";

export class ListLevels {
  length = 0;
  /** Row in the columns of the element, -1 for an empty list. */
  row = new Int32Array(1024);
  repetition = new Uint8Array(1024);
  definition = new Uint8Array(1024);
  /** Entry at which stripe s starts; closed by `length`. */
  readonly stripeStart: number[] = [];
  readonly #encoded: EncodedLevels[] = [];

  /** `levelMax` is both the list's repetition and definition maximum: all vParquet5 lists agree. */
  constructor(readonly levelMax: number) {}

  /** Room for about so many entries: growing step by step copies them twice over. */
  reserve(entries: number): void {
    const count = Math.ceil(entries);
    if (count <= this.row.length) return;
    this.row = grown(this.row, count);
    this.repetition = grown(this.repetition, count);
    this.definition = grown(this.definition, count);
  }

  push(row: number, repetition: number, definition: number): void {
    if (this.length === this.row.length) {
      this.row = grown(this.row, 0);
      this.repetition = grown(this.repetition, 0);
      this.definition = grown(this.definition, 0);
    }
    this.row[this.length] = row;
    this.repetition[this.length] = repetition;
    this.definition[this.length++] = definition;
  }

  startStripe(): void {
    this.stripeStart.push(this.length);
  }

  stripeEnd(stripe: number): number {
    return this.stripeStart[stripe + 1] ?? this.length;
  }

  /** The levels of a required leaf below this list. */
  encoded(stripe: number): EncodedLevels {
    return this.#encoded[stripe] ??= encodeLevels(
      this.repetition,
      this.definition,
      this.stripeStart[stripe]!,
      this.stripeEnd(stripe),
      this.levelMax,
      this.levelMax,
    );
  }
}

const scratch = new ByteWriter();

export function encodeLevels(
  repetition: Uint8Array,
  definition: Uint8Array,
  from: number,
  to: number,
  repetitionMax: number,
  definitionMax: number,
): EncodedLevels {
  return {
    count: to - from,
    repetition: encodeOne(repetition, from, to, repetitionMax),
    definition: encodeOne(definition, from, to, definitionMax),
  };
}

export function encodeOne(levels: Uint8Array, from: number, to: number, max: number): Uint8Array {
  scratch.clear();
  if (max > 0) encodeSmall(scratch, levels, from, to, bitWidth(max));
  return scratch.copy();
}
