// What `SpanView.attribute` answers for a row group. A key may have a column of its own, and besides
// it values in the list that all other keys share: of another type than the column's, and arrays.
//
// For values that are asked for by name the dictionaries are looked at first: a row group that never
// saw the key, or none of the values, costs no more than that.

import type { DedicatedColumn } from "./dedicated_columns.ts";
import { distinctOwners, type KeyList, type KeyOwners, ownersOfKey } from "./key_groups.ts";
import { mergedValues, noValues } from "./merged_values.ts";
import type {
  AttributeScope,
  AttributeStrings,
  AttributeValues,
  Strings,
} from "../../model/span_view.ts";
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
    let found = await this.#listedAll(places[scope], key);
    for (const own of this.#own(scope, key)) {
      found = mergedValues(ownValues(await this.#owned(own, scope), own), found);
    }
    return found;
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
      const { codes, strings, count: length } = owned.values;
      const wanted = codesOf(strings, own.isRequired ? texts.filter((t) => t !== "") : texts);
      if (wanted.length === 0) continue;
      const column = { length, owners: owned.owners, codes, strings };
      found = mergedValues(matchesOf(column, wanted), found);
    }
    return found;
  }

  async keys(scope: AttributeScope): Promise<string[]> {
    const keys = new Set<string>();
    const { list, level } = places[scope];
    if (this.columns.has(`${list}.Key`)) {
      const known = await this.columns.dictionary(`${list}.Key`) ??
        (await this.columns.keyList(list, level)).keys.dictionary;
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
    const { list: keyList } = await this.columns.keyList(list, level);
    const load = async (leaf: string) => {
      const path = `${list}.${leaf}`;
      return this.columns.has(path) ? await this.columns.listed(path, level, keyList) : undefined;
    };
    const [ints, doubles, bools, isArray] = await Promise.all([
      load("ValueInt"),
      load("ValueDouble"),
      load("ValueBool"),
      this.columns.has(`${list}.IsArray`) ? this.columns.bits(`${list}.IsArray`) : undefined,
    ]);
    // A key has values of one type as a rule. Strings come last, for theirs is the dictionary of all.
    const loaded = [ints, doubles, bools];
    const left = () =>
      loaded.reduce((n, of) => n - (of?.attributeCounts[code] ?? 0), keyList.counts[code]!);
    const strings = left() === 0 ? undefined : await load("Value");
    loaded.push(strings);
    const others = left() === 0 ? undefined : await load("ValueUnsupported");
    return {
      ...ownersIn([...loaded, others], keyList, code, isArray),
      strings: of(strings, code, stringsIn),
      ints: of(ints, code, (owners, { words }, from, to) => ({
        length: to - from,
        owners,
        words: words.subarray(from * 2, to * 2),
      })),
      doubles: of(doubles, code, (owners, { words }, from, to) => ({
        length: to - from,
        owners,
        values: new Float64Array(words.buffer, words.byteOffset + from * 8, to - from),
      })),
      bools: of(bools, code, (owners, { bits }, from, to) => ({
        length: to - from,
        owners,
        values: bits.subarray(from, to),
      })),
      others: of(others, code, stringsIn),
    };
  }

  async #listedAnyOf(
    { list, level }: ScopePlace,
    key: string,
    texts: readonly string[],
  ): Promise<AttributeValues> {
    if (!this.columns.has(`${list}.Value`) || !await this.#mayHaveKey(list, key)) return noValues;
    const dictionary = await this.columns.dictionary(`${list}.Value`);
    if (dictionary !== undefined && texts.every((text) => dictionary.indexOf(text) < 0)) {
      return noValues;
    }
    const code = await this.#keyCode(list, level, key);
    if (code < 0) return noValues;
    const { list: keyList } = await this.columns.keyList(list, level);
    const listed = await this.columns.listed(`${list}.Value`, level, keyList);
    const found = of(listed, code, stringsIn);
    if (found === undefined) return noValues;
    const wanted = codesOf(found.strings, texts);
    return wanted.length === 0 ? noValues : matchesOf(found, wanted);
  }

  /** Whether the dictionary of keys knows a key, or says nothing. */
  async #mayHaveKey(list: string, key: string): Promise<boolean> {
    if (!this.columns.has(`${list}.Key`)) return false;
    const known = await this.columns.dictionary(`${list}.Key`);
    return known === undefined || known.indexOf(key) >= 0;
  }

  /** The code of a key in its list; -1 if no owner has it there. */
  async #keyCode(list: string, level: number, key: string): Promise<number> {
    if (!await this.#mayHaveKey(list, key)) return -1;
    return (await this.columns.keyList(list, level)).keys.find(key) - 1;
  }
}

function codesOf(strings: Strings, texts: readonly string[]): number[] {
  return texts.map((text) => strings.find(text)).filter((code) => code > 0);
}

/** What a key has of one type; undefined if nothing. */
function of<T>(
  listed: ListedValues | undefined,
  key: number,
  slice: (owners: Int32Array, values: Values, from: number, to: number) => T,
): T | undefined {
  if (listed === undefined) return undefined;
  const from = listed.start[key]!;
  const to = listed.start[key + 1]!;
  if (from === to) return undefined;
  return slice(listed.owners.subarray(from, to), listed.values, from, to);
}

function stringsIn(
  owners: Int32Array,
  { codes, strings }: Values,
  from: number,
  to: number,
): AttributeStrings {
  return { length: to - from, owners, codes: codes.subarray(from, to), strings };
}

/** All values of a column of a key's own. */
function ownValues({ owners, values }: OwnedValues, own: OwnPlace): AttributeValues {
  const length = values.count;
  if (length === 0) return noValues;
  if (own.isInt) {
    return {
      ...noValues,
      ...distinctOwners(owners),
      ints: { length, owners, words: values.words },
    };
  }
  const { codes, strings } = values;
  const found = { length, owners, codes, strings };
  if (own.isRequired) return exceptEmpty(found);
  return { ...noValues, ...distinctOwners(owners), strings: found };
}

/** Owners with one of the wanted strings. */
function matchesOf(
  { owners, codes, strings }: AttributeStrings,
  wanted: readonly number[],
): AttributeValues {
  const first = wanted[0]!;
  const others = wanted.length > 1 ? new Set(wanted) : undefined;
  const found = new Int32Array(owners.length);
  let n = 0;
  for (let i = 0; i < owners.length; i++) {
    const code = codes[i]!;
    if (code === first || (others !== undefined && others.has(code))) found[n++] = i;
  }
  return picked(owners, codes, strings, found.subarray(0, n));
}

function exceptEmpty({ owners, codes, strings }: AttributeStrings): AttributeValues {
  const empty = strings.find("");
  if (empty === 0) {
    const { length } = owners;
    return { ...noValues, ...distinctOwners(owners), strings: { length, owners, codes, strings } };
  }
  const found = new Int32Array(owners.length);
  let n = 0;
  for (let i = 0; i < owners.length; i++) if (codes[i] !== empty) found[n++] = i;
  return picked(owners, codes, strings, found.subarray(0, n));
}

function picked(
  owners: Int32Array,
  codes: Int32Array,
  strings: Strings,
  rows: Int32Array,
): AttributeValues {
  const length = rows.length;
  if (length === 0) return noValues;
  const found = { length, owners: new Int32Array(length), codes: new Int32Array(length), strings };
  for (let i = 0; i < length; i++) {
    found.owners[i] = owners[rows[i]!]!;
    found.codes[i] = codes[rows[i]!]!;
  }
  return { ...noValues, ...distinctOwners(found.owners), strings: found };
}

/** Owners of a key, which are those of one of its columns as a rule: without arrays or repetition. */
function ownersIn(
  columns: readonly (ListedValues | undefined)[],
  list: KeyList,
  key: number,
  arrays: Uint8Array | undefined,
): KeyOwners {
  const count = list.counts[key]!;
  for (const column of columns) {
    if (column === undefined || column.attributeCounts[key] !== count) continue;
    const owners = column.owners.subarray(column.start[key], column.start[key + 1]);
    const distinct = distinctOwners(owners);
    if (distinct.owners === owners && !hasArrays(list, key, arrays)) return distinct;
  }
  return ownersOfKey(list, key, arrays);
}

/** An array of one element looks like a scalar, but for this. */
function hasArrays({ codes }: KeyList, key: number, arrays: Uint8Array | undefined): boolean {
  if (arrays === undefined) return false;
  for (let i = 0; i < codes.length; i++) if (arrays[i] === 1 && codes[i] === key) return true;
  return false;
}
