// Levels of leaves that may have one level more than the list they belong to: a value that can be
// missing (one more definition level), or be several (one more repetition level).

import { grown } from "../../lib/growable.ts";
import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import { bitWidth } from "../parquet/encodings.ts";
import { encodeLevels, encodeOne, ListLevels } from "../parquet/list_levels.ts";
import type { LevelsOf, Stripes } from "./chunk_output.ts";
import type { Leaf } from "./schema.ts";

/** Entries of one leaf; `row` says where the value is, if the definition says there is one. */
export interface Entries extends Stripes {
  readonly row: Int32Array;
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
}

/** Those of a leaf without values: nothing is defined beyond the list itself. */
export function listLevels(list: ListLevels, leaf: Leaf): LevelsOf {
  return (stripe) => ({
    count: list.stripeEnd(stripe) - list.stripeStart[stripe]!,
    repetition: repetitionOf(list, leaf, stripe),
    definition: bitWidth(leaf.definitionMax) === bitWidth(list.levelMax)
      ? list.encoded(stripe).definition
      : encodeOne(
        list.definition,
        list.stripeStart[stripe]!,
        list.stripeEnd(stripe),
        leaf.definitionMax,
      ),
  });
}

/** Those of a leaf with one value or none per entry of the list. */
export function levelsWith(list: ListLevels, leaf: Leaf, definition: Uint8Array): LevelsOf {
  return (stripe) => {
    const from = list.stripeStart[stripe]!;
    const to = list.stripeEnd(stripe);
    return {
      count: to - from,
      repetition: repetitionOf(list, leaf, stripe),
      definition: encodeOne(definition, from, to, leaf.definitionMax),
    };
  };
}

/** Those of entries that are more than the list's, because some hold several values. */
export function levelsOfEntries(entries: Entries, leaf: Leaf): LevelsOf {
  return (stripe) =>
    encodeLevels(
      entries.repetition,
      entries.definition,
      entries.stripeStart[stripe]!,
      entries.stripeEnd(stripe),
      leaf.repetitionMax,
      leaf.definitionMax,
    );
}

/** One entry per element of arrays of a type; `row` is a row of `words`. */
export function expandArrays(
  list: ListLevels,
  pool: AttributeColumns,
  type: AttributeType,
  present: number,
): { entries: Entries; words: Uint32Array } {
  const arrayType = type + AttributeType.EmptyArray;
  return expandEntries(list, present, (attribute, put) => {
    if (pool.type[attribute] === type) {
      put(pool.words[attribute * 2]!, pool.words[attribute * 2 + 1]!);
    } else if (pool.type[attribute] === arrayType) putElements(pool, attribute, put);
  });
}

type Put = (low: number, high: number) => void;

export function putElements(pool: AttributeColumns, attribute: number, put: Put): void {
  const first = pool.words[attribute * 2]!;
  const end = first + pool.words[attribute * 2 + 1]!;
  for (let i = first; i < end; i++) put(pool.elementWords[i * 2]!, pool.elementWords[i * 2 + 1]!);
}

/** `putValues` puts the values of one row of the list; with none, the entry says so. */
export function expandEntries(
  list: ListLevels,
  present: number,
  putValues: (row: number, put: Put) => void,
): { entries: Entries; words: Uint32Array } {
  const entries = new ListLevels(present);
  let words = new Uint32Array(1024);
  let valueCount = 0;
  let repetition = 0;
  const put = (low: number, high: number) => {
    if (valueCount * 2 === words.length) words = grown(words, 0);
    words[valueCount * 2] = low;
    words[valueCount * 2 + 1] = high;
    entries.push(valueCount++, repetition, present);
    repetition = present;
  };
  let stripe = 0;
  for (let i = 0; i < list.length; i++) {
    if (i === list.stripeStart[stripe]) {
      entries.startStripe();
      stripe++;
    }
    repetition = list.repetition[i]!;
    const before = valueCount;
    if (list.row[i]! >= 0) putValues(list.row[i]!, put);
    if (valueCount > before) continue;
    entries.push(-1, repetition, list.row[i]! < 0 ? list.definition[i]! : present - 1);
  }
  return { entries, words };
}

/** A leaf may have one level more than its list; only then can the encoded bytes differ. */
function repetitionOf(list: ListLevels, leaf: Leaf, stripe: number): Uint8Array {
  if (bitWidth(leaf.repetitionMax) === bitWidth(list.levelMax)) {
    return list.encoded(stripe).repetition;
  }
  const from = list.stripeStart[stripe]!;
  return encodeOne(list.repetition, from, list.stripeEnd(stripe), leaf.repetitionMax);
}
