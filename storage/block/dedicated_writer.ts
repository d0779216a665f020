// Dedicated columns: attributes with a column of their own, none, one or several values per owner.
// SpanColumns hold single values by slot and leave arrays among the ordinary attributes, where
// queries look for them anyhow; in a block that keeps arrays in columns an array of the right type
// stands there, and is not written a second time.

import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import type { IntColumn, OwnColumns } from "../../model/own_columns.ts";
import { ABSENT, type StringTable } from "../../model/string_table.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import { noValues } from "./attribute_list_columns.ts";
import type { ChunkOutput, Steps } from "./chunk_output.ts";
import { expandEntries, levelsOfEntries, levelsWith, putElements } from "./leaf_levels.ts";
import type { Leaf, OwnLeaf } from "./schema.ts";
import type { StringColumns } from "./string_columns.ts";

export interface Owners {
  readonly length: number;
  readonly attributes: AttributeColumns;
  readonly attributeStart: Int32Array;
  readonly own: OwnColumns;
}

/** The arrays of one kind of owner that belong into dedicated columns. */
export class DedicatedArrays {
  /** By attribute row; empty where there are none. */
  isMoved = new Uint8Array(0);
  /** By slot: attribute row of the array, by owner. */
  readonly strings: Map<number, number>[];
  readonly ints: Map<number, number>[];

  /** `hasArrays`: whether the block keeps arrays in columns at all. */
  constructor(owners: Owners, table: StringTable, hasArrays: boolean) {
    const { attributes, own: { keys, strings, ints } } = owners;
    this.strings = keys.strings.map(() => new Map());
    this.ints = keys.ints.map(() => new Map());
    if (!hasArrays || owners.own.isEmpty || !attributes.hasArrays()) return;
    const stringSlots = new Map(keys.strings.map((key, slot) => [table.find(key), slot]));
    const intSlots = new Map(keys.ints.map((key, slot) => [table.find(key), slot]));
    this.isMoved = new Uint8Array(attributes.length);
    for (let owner = 0; owner < owners.length; owner++) {
      for (let i = owners.attributeStart[owner]!; i < owners.attributeStart[owner + 1]!; i++) {
        const type = attributes.type[i]!;
        if (type < AttributeType.EmptyArray) continue;
        const stringSlot = stringSlots.get(attributes.key[i]!);
        if (stringSlot !== undefined && type <= AttributeType.StringArray) {
          this.isMoved[i] = 1;
          // A single value beside an array came after it and took its place.
          const isTaken = strings[stringSlot]![owner] !== ABSENT;
          if (!isTaken) this.strings[stringSlot]!.set(owner, i);
        }
        const intSlot = intSlots.get(attributes.key[i]!);
        const isInts = type === AttributeType.EmptyArray || type === AttributeType.IntArray;
        if (intSlot !== undefined && isInts) {
          this.isMoved[i] = 1;
          const isTaken = ints[intSlot]!.isPresent[owner] !== 0;
          if (!isTaken) this.ints[intSlot]!.set(owner, i);
        }
      }
    }
  }
}

/** The column of a slot, or one of nothing. */
export function dedicatedColumn(
  columns: StringColumns,
  leaf: Leaf,
  { type, slot }: OwnLeaf,
  list: ListLevels,
  { own, attributes }: Owners,
  arrays: DedicatedArrays,
): Steps {
  if (slot < 0) return noValues(columns.output, leaf, list);
  if (type === "int") {
    const ints = own.ints[slot]!;
    return intColumn(columns.output, leaf, list, ints, arrays.ints[slot]!, attributes);
  }
  const codes = own.strings[slot]!;
  return stringColumn(columns, leaf, list, codes, arrays.strings[slot]!, attributes);
}

function stringColumn(
  strings: StringColumns,
  leaf: Leaf,
  list: ListLevels,
  codes: Int32Array,
  arrays: ReadonlyMap<number, number>,
  pool: AttributeColumns,
): Steps {
  const { row } = list;
  if (arrays.size > 0) {
    const { entries, words } = expandEntries(list, leaf.definitionMax, (owner, put) => {
      const array = arrays.get(owner);
      if (array !== undefined) putElements(pool, array, put);
      else if (codes[owner] !== ABSENT) put(codes[owner]!, 0);
    });
    return strings.entries(leaf, entries, levelsOfEntries(entries, leaf), (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        if (entries.row[i]! >= 0) out[count++] = words[entries.row[i]! * 2]!;
      }
      return count;
    });
  }
  const definition = strings.output.definitions(list.length);
  for (let i = 0; i < list.length; i++) {
    definition[i] = row[i]! < 0
      ? list.definition[i]!
      : codes[row[i]!] === ABSENT
      ? leaf.definitionMax - 1
      : leaf.definitionMax;
  }
  return strings.entries(leaf, list, levelsWith(list, leaf, definition), (from, to, out) => {
    let count = 0;
    for (let i = from; i < to; i++) {
      const code = row[i]! < 0 ? ABSENT : codes[row[i]!]!;
      if (code !== ABSENT) out[count++] = code;
    }
    return count;
  });
}

function intColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  { words, isPresent }: IntColumn,
  arrays: ReadonlyMap<number, number>,
  pool: AttributeColumns,
): Steps {
  const { values } = output;
  const { row } = list;
  if (arrays.size > 0) {
    const { entries, words: elements } = expandEntries(list, leaf.definitionMax, (owner, put) => {
      const array = arrays.get(owner);
      if (array !== undefined) putElements(pool, array, put);
      else if (isPresent[owner] !== 0) put(words[owner * 2]!, words[owner * 2 + 1]!);
    });
    return output.pages(
      leaf,
      entries,
      levelsOfEntries(entries, leaf),
      (from, to) => putWords(from, to, (i) => entries.row[i]!, elements),
    );
  }
  const definition = output.definitions(list.length);
  for (let i = 0; i < list.length; i++) {
    definition[i] = row[i]! < 0
      ? list.definition[i]!
      : leaf.definitionMax - 1 + isPresent[row[i]!]!;
  }
  return output.pages(
    leaf,
    list,
    levelsWith(list, leaf, definition),
    (from, to) =>
      putWords(from, to, (i) => definition[i] === leaf.definitionMax ? row[i]! : -1, words),
  );

  function putWords(
    from: number,
    to: number,
    rowOf: (entry: number) => number,
    source: Uint32Array,
  ): number {
    let count = 0;
    for (let i = from; i < to; i++) {
      const at = rowOf(i);
      if (at < 0) continue;
      values.u32(source[at * 2]!);
      values.u32(source[at * 2 + 1]!);
      count++;
    }
    return count;
  }
}
