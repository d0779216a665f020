// The columns of an attribute list: key, whether the value is an array, and a column per type.

import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import { encodeDelta } from "../parquet/encodings.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import type { ChunkOutput, LevelsOf, Steps } from "./chunk_output.ts";
import {
  type Entries,
  expandArrays,
  levelsOfEntries,
  levelsWith,
  listLevels,
} from "./leaf_levels.ts";
import { BitWriter } from "./number_columns.ts";
import type { Leaf } from "./schema.ts";
import type { StringColumns } from "./string_columns.ts";

const valueTypes = {
  Value: AttributeType.String,
  ValueInt: AttributeType.Int,
  ValueDouble: AttributeType.Double,
  ValueBool: AttributeType.Bool,
  ValueUnsupported: AttributeType.Unsupported,
} as const;

/** By name within the list: how each of its columns is written. */
export function attributeListColumns(
  strings: StringColumns,
  list: ListLevels,
  pool: AttributeColumns,
): Record<string, (leaf: Leaf) => Steps> {
  let known: Uint8Array | undefined;
  const types = () => known ??= typesOf(list, pool.type);
  const values = Object.entries(valueTypes).map(([name, type]) =>
    [name, (leaf: Leaf) => valueColumn(strings, leaf, list, pool, types, type)] as const
  );
  return {
    Key: (leaf) => strings.column(leaf, list, pool.key),
    IsArray: (leaf) => isArrayColumn(strings.output, leaf, list, types()),
    ...Object.fromEntries(values),
  };
}

/** Of an entry that says that a list is empty. */
const NO_TYPE = 255;

/** By entry: the type of its attribute. Looked up once, for five columns ask for it. */
function typesOf({ row, length }: ListLevels, ofPool: Uint8Array): Uint8Array {
  const types = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const attribute = row[i]!;
    types[i] = attribute < 0 ? NO_TYPE : ofPool[attribute]!;
  }
  return types;
}

function isArrayColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  types: Uint8Array,
): Steps {
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    const bits = new BitWriter(output.values, to - from);
    let count = 0;
    for (let i = from; i < to; i++) {
      const type = types[i]!;
      if (type === NO_TYPE) continue;
      bits.put(type >= AttributeType.EmptyArray ? 1 : 0);
      count++;
    }
    bits.finish();
    return count;
  });
}

function valueColumn(
  strings: StringColumns,
  leaf: Leaf,
  list: ListLevels,
  pool: AttributeColumns,
  types: () => Uint8Array,
  type: AttributeType,
): Steps {
  const { output } = strings;
  const arrayType = type + AttributeType.EmptyArray;
  const hasArrays = type !== AttributeType.Unsupported && pool.hasType(arrayType);
  // Most pools lack most types: then the levels are those of the keys, and there are no values.
  if (!pool.hasType(type) && !hasArrays) return noValues(output, leaf, list);
  if (hasArrays) {
    const { entries, words } = expandArrays(list, pool, type, leaf.definitionMax);
    return values(strings, leaf, type, entries, words, levelsOfEntries(entries, leaf));
  }
  const definition = output.definitions(list.length);
  putDefinitions(definition, list, types(), type, leaf.definitionMax);
  const entries = {
    row: list.row,
    repetition: list.repetition,
    definition,
    length: list.length,
    stripeStart: list.stripeStart,
    stripeEnd: (stripe: number) => list.stripeEnd(stripe),
  };
  return values(strings, leaf, type, entries, pool.words, levelsWith(list, leaf, definition));
}

function putDefinitions(
  definition: Uint8Array,
  { definition: ofList, length }: ListLevels,
  types: Uint8Array,
  type: AttributeType,
  present: number,
): void {
  for (let i = 0; i < length; i++) {
    const own = types[i]!;
    definition[i] = own === type ? present : own === NO_TYPE ? ofList[i]! : present - 1;
  }
}

function values(
  strings: StringColumns,
  leaf: Leaf,
  type: AttributeType,
  entries: Entries,
  words: Uint32Array,
  levelsOf: LevelsOf,
): Steps {
  const { output } = strings;
  const { row, definition } = entries;
  const present = leaf.definitionMax;
  if (type === AttributeType.String || type === AttributeType.Unsupported) {
    return strings.entries(leaf, entries, levelsOf, (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        if (definition[i] === present) out[count++] = words[row[i]! * 2]!;
      }
      return count;
    });
  }
  if (type === AttributeType.Bool) {
    return output.pages(leaf, entries, levelsOf, (from, to) => {
      const bits = new BitWriter(output.values, to - from);
      let count = 0;
      for (let i = from; i < to; i++) {
        if (definition[i] !== present) continue;
        bits.put(words[row[i]! * 2]!);
        count++;
      }
      bits.finish();
      return count;
    });
  }
  return output.pages(leaf, entries, levelsOf, (from, to) => {
    output.values.reserve((to - from) * 8);
    const { view } = output.values;
    const start = output.values.length;
    let at = start;
    for (let i = from; i < to; i++) {
      if (definition[i] !== present) continue;
      view.setUint32(at, words[row[i]! * 2]!, true);
      view.setUint32(at + 4, words[row[i]! * 2 + 1]!, true);
      at += 8;
    }
    output.values.length = at;
    return (at - start) / 8;
  });
}

/** A leaf that has nothing for any entry of the list. */
export function noValues(output: ChunkOutput, leaf: Leaf, list: ListLevels): Steps {
  const none = new Int32Array(0);
  // Without a dictionary: one of no strings is a page that says nothing.
  const asPlain = leaf.encoding === "dictionary"
    ? { ...leaf, encoding: "deltaBytes" as const }
    : leaf;
  return output.pages(asPlain, list, listLevels(list, leaf), () => {
    if (asPlain.encoding === "deltaBytes") encodeDelta(output.values, none, 0, 0);
    return 0;
  });
}
