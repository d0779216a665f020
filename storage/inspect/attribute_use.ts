// How the attributes of a row group are kept, key by key: how many there are, what they take among all
// the others, and what a column of their own would take.
//
// What the shared columns take is theirs together, so it is shared out:
//   dictionaries   by the bytes of the strings in them; one that several keys use, by use
//   pages          by levels, two bits an attribute, and values: bits of a code, or the value itself
// What a column of its own would take is not estimated: it is encoded and compressed as a block would.

import { bitWidth } from "../parquet/encodings.ts";
import type { Column } from "../parquet/column.ts";
import type { ParquetFile } from "../parquet/file.ts";
import { type ChunkMetadata, Codec, PhysicalType, type RowGroup } from "../parquet/metadata.ts";
import { groupByKey, type KeyGroups, type KeyList, keyListOf } from "../block/key_groups.ts";
import { ownerEntries, sizeOfBlobs, sizeOfInts, sizeOfStrings } from "./column_size.ts";

export type UseType = "string" | "int" | "float" | "bool" | "other";

/** Counts add up over row groups and blocks. */
export interface AttributeUse {
  readonly key: string;
  readonly type: UseType;
  /** Resources, spans or events that have it. */
  readonly owners: number;
  readonly values: number;
  readonly arrays: number;
  /** Of strings: different ones, counted anew in each row group, and their bytes. */
  readonly distinct: number;
  readonly distinctBytes: number;
  /** Of a row group, at most. */
  readonly dictionaryBytesMax: number;
  readonly bytesInAttrs: number;
  /**
   * As string with a dictionary, or as int; 0 for types that have no such columns, and for keys that are
   * not measured because there are so many.
   */
  readonly bytesAsColumn: number;
  /** As string without a dictionary; 0 if not of type string. */
  readonly bytesAsBlob: number;
}

export interface ListUse {
  readonly owners: number;
  readonly attrsBytes: number;
  readonly uses: readonly AttributeUse[];
}

const LEAVES: readonly (readonly [string, UseType])[] = [
  ["Value", "string"],
  ["ValueInt", "int"],
  ["ValueDouble", "float"],
  ["ValueBool", "bool"],
  ["ValueUnsupported", "other"],
];
const LEVEL_BITS = 2;
/** Of a list in a row group, those of most values: each is encoded once, some milliseconds. */
const MEASURED_MAX = 200;

/** `folder` is where `Attrs` lies; `ownerLevel` the level of the list of its owners. */
export async function attributeUses(
  file: ParquetFile,
  group: RowGroup,
  folder: string,
  ownerLevel: number,
): Promise<ListUse> {
  const keys = await file.column(group, `${folder}.Key`);
  if (keys === undefined) return { owners: 0, attrsBytes: 0, uses: [] };
  keys.makeDistinct(); // a column of mostly different strings has no dictionary
  const list = keyListOf(keys, ownerLevel);
  const owners = ownerEntries(keys, ownerLevel);
  const arrays = await file.column(group, `${folder}.IsArray`);
  const shared = ["Key", "IsArray"].map((leaf) => group.chunks.get(`${folder}.${leaf}`));
  const drafts: Draft[] = [];
  const leaves: LeafUse[] = [];
  for (const [name, type] of LEAVES) {
    const column = await file.column(group, `${folder}.${name}`);
    const chunk = group.chunks.get(`${folder}.${name}`);
    if (column === undefined || chunk === undefined) continue;
    column.makeDistinct();
    const groups = groupByKey(column, list, ownerLevel);
    leaves.push({ type, column, chunk, groups });
    const arraysOf = arraysByKey(column, list, arrays?.bits, ownerLevel);
    for (let key = 0; key < list.counts.length; key++) {
      const attributes = groups.attributeCounts[key]!;
      if (attributes > 0) {
        drafts.push({ key, type, attributes, arrays: arraysOf[key]!, column, chunk, groups });
      }
    }
  }
  // An empty array has no value in any column, so that its key alone says that it is there.
  for (const empty of emptyArrays(list, drafts)) drafts.push(empty);
  const shares = shareOut(keys, shared, leaves, drafts);
  const measured = new Set(mostOf(drafts));
  const seen = new SeenStrings();
  const uses = drafts.map((draft, i) => ({
    key: keys.dictionary.text(draft.key),
    ...countsOf(draft, seen),
    bytesInAttrs: shares[i]!,
    ...measured.has(draft) ? sizesOf(draft, owners) : NOT_MEASURED,
  }));
  const chunks = [...shared, ...leaves.map(({ chunk }) => chunk)];
  const attrsBytes = chunks.reduce((sum, chunk) => sum + (chunk?.sizeBytes ?? 0), 0);
  return { owners: owners.count, attrsBytes, uses };
}

interface LeafUse {
  readonly type: UseType;
  readonly column: Column;
  readonly chunk: ChunkMetadata;
  readonly groups: KeyGroups;
}

/** Attributes of one key and type; `column` undefined for those without a value. */
interface Draft {
  readonly key: number;
  readonly type: UseType;
  readonly attributes: number;
  readonly arrays: number;
  readonly column?: Column;
  readonly chunk?: ChunkMetadata;
  readonly groups?: KeyGroups;
}

function arraysByKey(
  { repetition, definition, entryCount, leaf }: Column,
  list: KeyList,
  isArray: Uint8Array | undefined,
  ownerLevel: number,
): Int32Array {
  const counts = new Int32Array(list.counts.length);
  if (isArray === undefined) return counts;
  let attribute = -1;
  for (let entry = 0; entry < entryCount; entry++) {
    if (definition[entry]! <= ownerLevel) continue;
    if (repetition[entry]! > ownerLevel + 1) continue;
    attribute++;
    const hasValue = definition[entry] === leaf.definitionMax;
    if (hasValue && isArray[attribute] === 1) counts[list.codes[attribute]!]!++;
  }
  return counts;
}

function emptyArrays(list: KeyList, drafts: readonly Draft[]): Draft[] {
  const left = list.counts.slice();
  for (const { key, attributes } of drafts) left[key]! -= attributes;
  return [...left].flatMap((attributes, key) =>
    attributes > 0 ? [{ key, type: "other" as const, attributes, arrays: attributes }] : []
  );
}

/** Bytes of each draft; what all have together is what the chunks take. */
function shareOut(
  keys: Column,
  shared: readonly (ChunkMetadata | undefined)[],
  leaves: readonly LeafUse[],
  drafts: readonly Draft[],
): Float64Array {
  const shares = new Float64Array(drafts.length);
  const give = (bytes: number, weightOf: (draft: Draft) => number) => {
    const weights = drafts.map(weightOf);
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    if (all > 0) weights.forEach((weight, i) => shares[i]! += bytes * weight / all);
  };
  for (const chunk of shared) {
    if (chunk === undefined) continue;
    const dictionaryBytes = chunk.dataOffset - chunk.offset;
    give(dictionaryBytes, ({ key }) => keys.dictionary.at(key).length + 4);
    give(chunk.sizeBytes - dictionaryBytes, ({ attributes }) => attributes);
  }
  for (const { column, chunk, groups } of leaves) {
    const dictionaryBytes = chunk.dataOffset - chunk.offset;
    const strings = stringWeights(column, groups, dictionaryBytes > 0);
    const bits = dictionaryBytes > 0
      ? bitWidth(Math.max(1, column.dictionary.length - 1))
      : VALUE_BITS[column.leaf.type];
    if (dictionaryBytes > 0) {
      give(dictionaryBytes, (draft) => draft.column === column ? strings![draft.key]! : 0);
    }
    give(chunk.sizeBytes - dictionaryBytes, (draft) => {
      const levels = draft.attributes * LEVEL_BITS;
      if (draft.column !== column) return levels;
      const values = groups.start[draft.key + 1]! - groups.start[draft.key]!;
      return levels + (bits === undefined ? strings![draft.key]! * 8 : values * bits);
    });
  }
  return shares;
}

/** Strings without a dictionary are weighed one by one. */
const VALUE_BITS: Readonly<Partial<Record<PhysicalType, number>>> = {
  [PhysicalType.Boolean]: 1,
  [PhysicalType.Int64]: 64,
  [PhysicalType.Double]: 64,
};

/** By key: bytes of the strings it uses; of those in a dictionary its part. */
function stringWeights(
  column: Column,
  groups: KeyGroups,
  isShared: boolean,
): Float64Array | undefined {
  if (column.leaf.type !== PhysicalType.ByteArray) return undefined;
  const { dictionary, codes, valueCount } = column;
  const uses = new Int32Array(dictionary.length);
  for (let i = 0; i < valueCount; i++) uses[codes[i]!]!++;
  const weights = new Float64Array(groups.start.length - 1);
  for (let key = 0; key < weights.length; key++) {
    for (let i = groups.start[key]!; i < groups.start[key + 1]!; i++) {
      const code = codes[groups.order[i]!]!;
      weights[key]! += (dictionary.at(code).length + 4) / (isShared ? uses[code]! : 1);
    }
  }
  return weights;
}

function mostOf(drafts: readonly Draft[]): readonly Draft[] {
  const couldBe = drafts.filter(({ type }) => type === "string" || type === "int");
  if (couldBe.length <= MEASURED_MAX) return couldBe;
  return couldBe.sort((a, b) => b.attributes - a.attributes).slice(0, MEASURED_MAX);
}

/** Which strings of a column were met for a key; cleared by counting keys, not by writing zeros. */
class SeenStrings {
  #column: Column | undefined;
  #metFor = new Int32Array(0);
  #turn = 0;

  start(column: Column): void {
    if (this.#column !== column) this.#metFor = new Int32Array(column.dictionary.length);
    this.#column = column;
    this.#turn++;
  }

  isNew(code: number): boolean {
    if (this.#metFor[code] === this.#turn) return false;
    this.#metFor[code] = this.#turn;
    return true;
  }
}

function countsOf({ key, type, attributes, arrays, column, groups }: Draft, seen: SeenStrings) {
  const from = groups?.start[key] ?? 0;
  const to = groups?.start[key + 1] ?? 0;
  let distinct = 0;
  let distinctBytes = 0;
  if (column !== undefined && groups !== undefined && type === "string") {
    seen.start(column);
    for (let i = from; i < to; i++) {
      const code = column.codes[groups.order[i]!]!;
      if (!seen.isNew(code)) continue;
      distinct++;
      distinctBytes += column.dictionary.at(code).length;
    }
  }
  return {
    type,
    owners: attributes,
    values: to - from,
    arrays,
    distinct,
    distinctBytes,
    dictionaryBytesMax: distinctBytes,
  };
}

const NOT_MEASURED = { bytesAsColumn: 0, bytesAsBlob: 0 } as const;

function sizesOf(
  { key, type, column, chunk, groups }: Draft,
  owners: ReturnType<typeof ownerEntries>,
) {
  if (column === undefined || groups === undefined || chunk === undefined) return NOT_MEASURED;
  const from = groups.start[key]!;
  const to = groups.start[key + 1]!;
  const values = {
    owners: groups.owners.subarray(from, to),
    order: groups.order.subarray(from, to),
    column,
  };
  // Dedicated columns are compressed, whatever the codec of a chunk that did not pay.
  const codec = chunk.codec === Codec.Zstd ? "zstd" : "snappy";
  if (type === "int") return { ...NOT_MEASURED, bytesAsColumn: sizeOfInts(values, owners, codec) };
  if (type !== "string") return NOT_MEASURED;
  return {
    bytesAsColumn: sizeOfStrings(values, owners, codec),
    bytesAsBlob: sizeOfBlobs(values, owners),
  };
}
