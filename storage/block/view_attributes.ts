// What `SpanView.attribute` answers for a row group. A key may have a column of its own, and besides
// it values in the list that all other keys share: of another type than the column's, and arrays.
//
// For values that are asked for by name the dictionaries are looked at first: a row group that never
// saw the key, or none of the values, costs no more than that.

import type { DedicatedColumn } from "./dedicated_columns.ts";
import { type KeyGroups, type KeyValues, matchesOfKey, valuesOfKey } from "./key_groups.ts";
import { mergedValues, noValues } from "./merged_values.ts";
import type { AttributeScope, AttributeStrings, AttributeValues } from "../../model/span_view.ts";
import type { ListedValues, OwnedValues, Values, ViewColumns } from "./view_columns.ts";

const SERVICE_NAME = "service.name";

interface ScopePlace {
  /** The path of the attribute list. */
  readonly list: string;
  /** Repetition and definition level of an owner. */
  readonly level: number;
}

const places: Readonly<Record<AttributeScope, ScopePlace>> = {
  resource: { list: "rs.Resource.Attrs", level: 1 },
  instrumentation: { list: "rs.ss.Scope.Attrs", level: 2 },
  span: { list: "rs.ss.Spans.Attrs", level: 3 },
  event: { list: "rs.ss.Spans.Events.Attrs", level: 4 },
  link: { list: "rs.ss.Spans.Links.Attrs", level: 4 },
};

/** A column that holds one key. */
interface OwnPlace {
  readonly path: string;
  readonly isInt: boolean;
  /** The column has a value for every owner, "" where the key is not there. */
  readonly isRequired: boolean;
}

export class ViewAttributes {
  constructor(
    readonly columns: ViewColumns,
    readonly dedicated: readonly DedicatedColumn[],
  ) {}

  async all(scope: AttributeScope, key: string): Promise<AttributeValues> {
    return await this.columns.derived(`attribute ${scope} ${key}`, async () => {
      let value = await this.#listedAll(places[scope], key);
      for (const own of this.#own(scope, key)) {
        value = mergedValues(ownValues(await this.#owned(own, scope), own), value);
      }
      return { value, sizeBytes: sizeOf(value) + 256 };
    });
  }

  /** Owners that have one of some strings. */
  async anyOf(
    scope: AttributeScope,
    key: string,
    texts: readonly string[],
  ): Promise<AttributeValues> {
    let found = await this.#listedAnyOf(places[scope], key, texts);
    for (const own of this.#own(scope, key)) {
      if (own.isInt) continue;
      const dictionary = await this.columns.dictionary(own.path);
      if (dictionary !== undefined && texts.every((text) => dictionary.indexOf(text) < 0)) continue;
      const owned = await this.#owned(own, scope);
      const wanted = codesOf(owned.values, own.isRequired ? texts.filter((t) => t !== "") : texts);
      if (wanted.length > 0) found = mergedValues(ownMatches(owned, wanted), found);
    }
    return found;
  }

  async keys(scope: AttributeScope): Promise<string[]> {
    const keys = new Set<string>();
    const { list, level } = places[scope];
    if (this.columns.has(`${list}.Key`)) {
      const known = await this.columns.dictionary(`${list}.Key`) ??
        (await this.columns.keyGroups(list, level)).keys.dictionary;
      for (let i = 0; i < known.length; i++) keys.add(known.text(i));
    }
    const own = this.dedicated.filter((column) => column.scope === scope).map(({ key }) => key);
    if (scope === "resource") own.push(SERVICE_NAME);
    for (const key of own) {
      if (!keys.has(key) && await this.#hasAny(scope, key)) keys.add(key);
    }
    return [...keys];
  }

  /** Whether the columns of a key's own have a value at all. */
  async #hasAny(scope: AttributeScope, key: string): Promise<boolean> {
    for (const own of this.#own(scope, key)) {
      const known = await this.columns.dictionary(own.path);
      if (known !== undefined) {
        const isOnlyEmpty = own.isRequired && known.length === 1 && known.at(0).length === 0;
        if (known.length > 0 && !isOnlyEmpty) return true;
      } else if (ownValues(await this.#owned(own, scope), own).ownerCount > 0) return true;
    }
    return false;
  }

  /** Usually none or one; a block of vParquet4 may have a key in two columns. */
  #own(scope: AttributeScope, key: string): OwnPlace[] {
    const own: OwnPlace[] = [];
    for (const column of this.dedicated) {
      if (column.key === key && column.scope === scope && this.columns.has(column.path)) {
        own.push({ path: column.path, isInt: column.isInt, isRequired: false });
      }
    }
    if (scope === "resource" && key === SERVICE_NAME) {
      own.push({ path: "rs.Resource.ServiceName", isInt: false, isRequired: true });
    }
    return own;
  }

  async #owned(own: OwnPlace, scope: AttributeScope): Promise<OwnedValues> {
    return await this.columns.owned(own.path, places[scope].level);
  }

  async #listedAll({ list, level }: ScopePlace, key: string): Promise<AttributeValues> {
    const code = await this.#keyCode(list, level, key);
    if (code < 0) return noValues;
    const { groups } = await this.columns.keyGroups(list, level);
    const load = (leaf: string) =>
      this.columns.has(`${list}.${leaf}`)
        ? this.columns.listed(`${list}.${leaf}`, level, groups.attributeCount)
        : undefined;
    const [ints, doubles, bools, isArray] = await Promise.all([
      load("ValueInt"),
      load("ValueDouble"),
      load("ValueBool"),
      this.columns.has(`${list}.IsArray`) ? this.columns.bits(`${list}.IsArray`) : undefined,
    ]);
    // A key has values of one type as a rule. Strings come last, for theirs is the dictionary of all.
    const loaded = [ints, doubles, bools];
    const strings = hasAll(groups, code, loaded) ? undefined : await load("Value");
    const isTold = hasAll(groups, code, [...loaded, strings]);
    const others = isTold ? undefined : await load("ValueUnsupported");
    const of = <T>(
      column: typeof strings,
      gather: (found: KeyValues, values: Values) => T,
    ): T | undefined => {
      if (column === undefined) return undefined;
      const found = valuesOfKey(groups, code, column.starts);
      return found.owners.length === 0 ? undefined : gather(found, column.values);
    };
    return {
      ...ownersOfKey(groups, code, isArray),
      strings: of(strings, stringsAt),
      ints: of(ints, (found, values) => ({
        length: found.owners.length,
        owners: found.owners,
        words: wordsAt(found, values),
      })),
      doubles: of(doubles, (found, values) => ({
        length: found.owners.length,
        owners: found.owners,
        values: new Float64Array(wordsAt(found, values).buffer),
      })),
      bools: of(bools, (found, values) => ({
        length: found.owners.length,
        owners: found.owners,
        values: Uint8Array.from(found.values, (at) => values.bits[at]!),
      })),
      others: of(others, stringsAt),
    };
  }

  async #listedAnyOf(
    { list, level }: ScopePlace,
    key: string,
    texts: readonly string[],
  ): Promise<AttributeValues> {
    const code = await this.#keyCode(list, level, key);
    if (code < 0 || !this.columns.has(`${list}.Value`)) return noValues;
    const dictionary = await this.columns.dictionary(`${list}.Value`);
    if (dictionary !== undefined && texts.every((text) => dictionary.indexOf(text) < 0)) {
      return noValues;
    }
    const { groups } = await this.columns.keyGroups(list, level);
    const column = await this.columns.listed(`${list}.Value`, level, groups.attributeCount);
    if (column === undefined) return noValues;
    const wanted = codesOf(column.values, texts);
    if (wanted.length === 0) return noValues;
    const { codes, strings } = column.values;
    const found = matchesOfKey(groups, code, column.starts, codes, wanted);
    return ofStrings(found, codes, strings);
  }

  /** The code of a key in its list; -1 if no owner has it there. */
  async #keyCode(list: string, level: number, key: string): Promise<number> {
    if (!this.columns.has(`${list}.Key`)) return -1;
    const known = await this.columns.dictionary(`${list}.Key`);
    if (known !== undefined && known.indexOf(key) < 0) return -1;
    // Not every page need use the dictionary, so the last word is with the decoded column.
    return (await this.columns.keyGroups(list, level)).keys.find(key) - 1;
  }
}

function codesOf({ strings }: Values, texts: readonly string[]): number[] {
  return texts.map((text) => strings.find(text)).filter((code) => code > 0);
}

function stringsAt(found: KeyValues, { codes, strings }: Values): AttributeStrings {
  const { owners, values } = found;
  const picked = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) picked[i] = codes[values[i]!]!;
  return { length: owners.length, owners, codes: picked, strings };
}

function wordsAt({ values }: KeyValues, { words }: Values): Uint32Array {
  const picked = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    picked[i * 2] = words[values[i]! * 2]!;
    picked[i * 2 + 1] = words[values[i]! * 2 + 1]!;
  }
  return picked;
}

/** Whether every attribute of a key has a value in one of some columns. */
function hasAll(
  groups: KeyGroups,
  key: number,
  columns: readonly (ListedValues | undefined)[],
): boolean {
  const starts = columns.flatMap((column) => column === undefined ? [] : [column.starts]);
  const end = groups.start[key + 1]!;
  next: for (let i = groups.start[key]!; i < end; i++) {
    const attribute = groups.attributes[i]!;
    for (const start of starts) if (start[attribute + 1]! > start[attribute]!) continue next;
    return false;
  }
  return true;
}

/** Distinct owners of a key, and which of them have an array. */
function ownersOfKey(groups: KeyGroups, key: number, arrays: Uint8Array | undefined) {
  const from = groups.start[key]!;
  const to = groups.start[key + 1]!;
  const owners = new Int32Array(to - from);
  let isArray: Uint8Array | undefined;
  let count = 0;
  for (let i = from; i < to; i++) {
    const owner = groups.owners[i]!;
    if (count === 0 || owners[count - 1] !== owner) owners[count++] = owner;
    if (arrays === undefined || arrays[groups.attributes[i]!] !== 1) continue;
    isArray ??= new Uint8Array(to - from);
    isArray[count - 1] = 1;
  }
  return { ownerCount: count, owners: owners.subarray(0, count), isArray };
}

/** All values of a column of a key's own. */
function ownValues({ owners, values }: OwnedValues, own: OwnPlace): AttributeValues {
  if (values.count === 0) return noValues;
  if (own.isRequired) return ownMatches({ owners, values }, undefined);
  const distinct = distinctOwners(owners);
  const length = values.count;
  if (own.isInt) return { ...noValues, ...distinct, ints: { length, owners, words: values.words } };
  const { codes, strings } = values;
  return { ...noValues, ...distinct, strings: { length, owners, codes, strings } };
}

function distinctOwners(owners: Int32Array) {
  const distinct = new Int32Array(owners.length);
  let isArray: Uint8Array | undefined;
  let count = 0;
  for (let i = 0; i < owners.length; i++) {
    if (count === 0 || distinct[count - 1] !== owners[i]) distinct[count++] = owners[i]!;
    else {
      isArray ??= new Uint8Array(owners.length);
      isArray[count - 1] = 1;
    }
  }
  return { ownerCount: count, owners: distinct.subarray(0, count), isArray };
}

/** Owners whose string is one of the wanted, or any but "". */
function ownMatches(
  { owners, values }: OwnedValues,
  wanted: readonly number[] | undefined,
): AttributeValues {
  const { codes, strings, count } = values;
  const found = { owners: new Int32Array(count), values: new Int32Array(count) };
  const first = wanted === undefined ? strings.find("") : wanted[0]!;
  const others = wanted !== undefined && wanted.length > 1 ? new Set(wanted) : undefined;
  let n = 0;
  for (let i = 0; i < count; i++) {
    const isFirst = codes[i] === first;
    const isIn = wanted === undefined ? !isFirst : isFirst || others?.has(codes[i]!) === true;
    if (!isIn) continue;
    found.owners[n] = owners[i]!;
    found.values[n++] = i;
  }
  const matches = { owners: found.owners.subarray(0, n), values: found.values.subarray(0, n) };
  return ofStrings(matches, codes, strings);
}

function ofStrings(
  { owners, values }: KeyValues,
  codes: Int32Array,
  strings: Values["strings"],
): AttributeValues {
  const length = owners.length;
  if (length === 0) return noValues;
  const picked = new Int32Array(length);
  for (let i = 0; i < length; i++) picked[i] = codes[values[i]!]!;
  return {
    ...noValues,
    ...distinctOwners(owners),
    strings: { length, owners, codes: picked, strings },
  };
}

function sizeOf({ owners, strings, ints, doubles, bools, others }: AttributeValues): number {
  return owners.byteLength + (strings?.length ?? 0) * 8 + (ints?.length ?? 0) * 12 +
    (doubles?.length ?? 0) * 12 + (bools?.length ?? 0) * 5 + (others?.length ?? 0) * 8;
}
