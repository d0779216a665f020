// Columns of one list have the same levels, page by page and byte by byte, if they were written by one
// writer: then the levels of a column are those of its neighbour, which are decoded already.
// Rule: it is the encoded bytes that are compared, so that nothing is taken for equal that is not.

import { Buffer } from "node:buffer";
import type { ByteCursor } from "../../lib/byte_cursor.ts";
import type { Column } from "./column.ts";

interface Page {
  readonly start: number;
  readonly count: number;
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
  values: number;
}

/** The pages of a column being decoded, and those of the column before. */
export class LevelPages {
  #before: Column | undefined;
  #pagesBefore: Page[] = [];
  #pages: Page[] = [];
  /** Whether so far all levels of the column are those of the one before. */
  hasEqualRepetition = false;
  hasEqualDefinition = false;

  /** Another column begins; `before` is the one that was decoded last, if it still is as it was. */
  next(before: Column | undefined): void {
    this.#before = before;
    [this.#pagesBefore, this.#pages] = [this.#pages, this.#pagesBefore];
    this.#pages.length = 0;
    this.hasEqualRepetition = before !== undefined;
    this.hasEqualDefinition = before !== undefined;
  }

  /** Puts the repetition levels of a page into the column, if they are known. */
  takeRepetition(column: Column, { bytes, at, end }: ByteCursor, count: number): boolean {
    const repetition = bytes.subarray(at, end);
    const start = column.entryCount;
    this.#pages.push({ start, count, repetition, definition: repetition, values: count });
    const before = this.#before;
    const page = this.#pagesBefore[this.#pages.length - 1];
    const isKnown = before !== undefined && page !== undefined &&
      before.leaf.repetitionMax === column.leaf.repetitionMax && page.start === start &&
      page.count === count && areEqual(page.repetition, repetition);
    if (!isKnown) this.hasEqualRepetition = false;
    else if (column.leaf.repetitionMax > 0) {
      column.repetition.set(before.repetition.subarray(start, start + count), start);
    }
    return isKnown;
  }

  /** Puts the definition levels in, if they are known, and returns how many values there are. */
  takeDefinition(
    column: Column,
    { bytes, at, end }: ByteCursor,
    count: number,
  ): number | undefined {
    const own = this.#pages.at(-1)!;
    const definition = bytes.subarray(at, end);
    this.#pages[this.#pages.length - 1] = { ...own, definition };
    const before = this.#before;
    const page = this.#pagesBefore[this.#pages.length - 1];
    const isKnown = before !== undefined && page !== undefined &&
      before.leaf.definitionMax === column.leaf.definitionMax && page.start === own.start &&
      page.count === count && areEqual(page.definition, definition);
    if (!isKnown) {
      this.hasEqualDefinition = false;
      return undefined;
    }
    const { start } = own;
    column.definition.set(before.definition.subarray(start, start + count), start);
    this.noteValues(page.values);
    return page.values;
  }

  /** Of the page at hand. */
  noteValues(values: number): void {
    this.#pages.at(-1)!.values = values;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length &&
    Buffer.from(a.buffer, a.byteOffset, a.length).equals(
      Buffer.from(b.buffer, b.byteOffset, b.length),
    );
}
