// Which owners of an attribute have a value that passes a test: (owner, value) pairs in, ascending
// owners out. Strings are decided once per dictionary entry that occurs.
// An owner with several values, an array or many events, matches when any value passes; `none` asks
// that no value does, and that there is one.

import type { AttributeValues, StringColumn } from "../../model/span_view.ts";
import { doublesAmong, doublesComparing, intsAmong, intsComparing } from "./compare_loops.ts";
import type { Leaf, NumberLeaf, NumberValue } from "./predicate.ts";
import { distinct, type Rows, subtract, union } from "./row_lists.ts";
import type { StringTest } from "./string_match.ts";

/** Verdicts by code: 0 not asked yet, 1 no, 2 yes. Absent is judged as the empty string. */
export class StringVerdicts {
  readonly #verdicts: Uint8Array;
  readonly #only: number;

  constructor(readonly strings: StringColumn["strings"], readonly test: StringTest) {
    const { anyOf } = test;
    this.#only = anyOf?.length === 1 && anyOf[0] !== "" ? strings.find(anyOf[0]!) : -1;
    this.#verdicts = new Uint8Array(this.#only >= 0 ? 0 : strings.size + 1);
    if (anyOf === undefined || this.#only >= 0) return;
    this.#verdicts.fill(1);
    for (const text of anyOf) {
      const code = strings.find(text);
      if (code > 0) this.#verdicts[code] = 2;
      if (text === "") this.#verdicts[0] = 2;
    }
  }

  /** The only code that passes, 0 if none does, -1 if several may. */
  get only(): number {
    return this.#only;
  }

  /** 1 by code that passes, where the test is equality. */
  flags(): Uint8Array {
    const flags = new Uint8Array(this.strings.size + 1);
    for (const text of this.test.anyOf ?? []) {
      const code = this.strings.find(text);
      if (code > 0) flags[code] = 1;
      if (text === "") flags[0] = 1;
    }
    return flags;
  }

  /** 1 by position of a list of codes. */
  ofAll(codes: Int32Array, length: number): Uint8Array {
    const passes = new Uint8Array(length);
    if (this.#only >= 0) {
      const only = this.#only === 0 ? -1 : this.#only;
      for (let i = 0; i < length; i++) passes[i] = codes[i] === only ? 1 : 0;
      return passes;
    }
    const known = this.#verdicts;
    for (let i = 0; i < length; i++) {
      const code = codes[i]!;
      const verdict = known[code]!;
      passes[i] = verdict === 0 ? (this.passes(code) ? 1 : 0) : verdict - 1;
    }
    return passes;
  }

  passes(code: number): boolean {
    if (this.#only >= 0) return code === this.#only && code !== 0;
    const known = this.#verdicts[code]!;
    if (known !== 0) return known === 2;
    const passes = this.test.matches(code === 0 ? "" : this.strings.text(code));
    this.#verdicts[code] = passes ? 2 : 1;
    return passes;
  }
}

/** The owners in `values` that match a leaf, whose reference is not looked at. */
export function matchingOwners(values: AttributeValues, leaf: Leaf): Rows {
  switch (leaf.node) {
    case "string": {
      const { strings } = values;
      if (strings === undefined) return NONE;
      const verdicts = new StringVerdicts(strings.strings, leaf.test);
      return stringOwners(strings, verdicts, leaf.isNone);
    }
    case "number":
      return numberOwners(values, leaf);
    case "bool": {
      const { bools } = values;
      if (bools === undefined) return NONE;
      const wanted = leaf.value ? 1 : 0;
      const verdict = new Uint8Array(bools.length);
      for (let i = 0; i < bools.length; i++) verdict[i] = bools.values[i] === wanted ? 1 : 0;
      return leaf.isNone
        ? ownersOfNone(bools.owners, verdict, bools.length)
        : ownersOfAny(bools.owners, verdict, bools.length);
    }
    case "presence":
      return leaf.op === "present" ? typedOwners(values) : NONE;
    case "enum": // An attribute never is one.
      return NONE;
  }
}

const NONE: Rows = new Int32Array(0);

function stringOwners(
  { owners, codes, length }: { owners: Int32Array; codes: Int32Array; length: number },
  verdicts: StringVerdicts,
  isNone: boolean,
): Rows {
  const verdict = verdicts.ofAll(codes, length);
  return isNone ? ownersOfNone(owners, verdict, length) : ownersOfAny(owners, verdict, length);
}

/** Values of the constant's type; a duration takes both, for no attribute is one. */
function numberOwners({ ints, doubles }: AttributeValues, leaf: NumberLeaf): Rows {
  const { op, value, others } = leaf;
  if (others !== undefined) return numberOwnersAmong({ ints, doubles }, [value, ...others]);
  const positive = op === "!=" ? "=" : op;
  let found = NONE;
  let comparable = NONE;
  if (ints !== undefined && value.type !== "float") {
    const verdict = intsComparing(ints.words, ints.length, positive, value.value);
    found = ownersOfAny(ints.owners, verdict, ints.length);
    comparable = distinct(ints.owners.subarray(0, ints.length));
  }
  if (doubles !== undefined && value.type !== "int") {
    const constant = Number(value.value);
    const verdict = doublesComparing(doubles.values, doubles.length, positive, constant);
    found = union(found, ownersOfAny(doubles.owners, verdict, doubles.length));
    comparable = union(comparable, distinct(doubles.owners.subarray(0, doubles.length)));
  }
  return op === "!=" ? subtract(comparable, found, 0) : found;
}

/** All of one type. */
function numberOwnersAmong(
  { ints, doubles }: Pick<AttributeValues, "ints" | "doubles">,
  wanted: readonly NumberValue[],
): Rows {
  const { type } = wanted[0]!;
  let found = NONE;
  if (ints !== undefined && type !== "float") {
    const verdict = intsAmong(ints.words, ints.length, wanted.map(({ value }) => value as bigint));
    found = ownersOfAny(ints.owners, verdict, ints.length);
  }
  if (doubles !== undefined && type !== "int") {
    const set = new Set(wanted.map(({ value }) => Number(value)));
    set.delete(NaN); // which equals nothing
    const verdict = doublesAmong(doubles.values, doubles.length, set);
    found = union(found, ownersOfAny(doubles.owners, verdict, doubles.length));
  }
  return found;
}

export function ownersOfAny(owners: Int32Array, verdict: Uint8Array, length: number): Rows {
  const found = new Int32Array(length);
  let at = 0;
  let previous = -1;
  for (let i = 0; i < length; i++) {
    if (verdict[i] === 0 || owners[i] === previous) continue;
    previous = owners[i]!;
    found[at++] = previous;
  }
  return found.slice(0, at);
}

export function ownersOfNone(owners: Int32Array, verdict: Uint8Array, length: number): Rows {
  const found = new Int32Array(length);
  let at = 0;
  for (let i = 0; i < length;) {
    const owner = owners[i]!;
    let passes = true;
    for (; i < length && owners[i] === owner; i++) if (verdict[i] === 1) passes = false;
    if (passes) found[at++] = owner;
  }
  return found.slice(0, at);
}

/** Owners with a value that a query can look at: not empty arrays, bytes or key-value lists. */
export function typedOwners(values: AttributeValues): Rows {
  const { strings, ints, doubles, bools, others, isArray, ownerCount } = values;
  if (others === undefined && isArray === undefined) return values.owners.subarray(0, ownerCount);
  let found: Rows = NONE;
  for (const list of [strings, ints, doubles, bools]) {
    if (list === undefined) continue;
    found = union(found, distinct(list.owners.subarray(0, list.length)));
  }
  return found;
}

export const allOwners = (values: AttributeValues): Rows =>
  values.owners.subarray(0, values.ownerCount);

/** Values of events or links as values of their spans, which ascend as they do. */
export function ownedBy(values: AttributeValues, spans: Int32Array): AttributeValues {
  const lift = <T extends { length: number; owners: Int32Array }>(list: T | undefined) =>
    list && { ...list, owners: list.owners.subarray(0, list.length).map((owner) => spans[owner]!) };
  const owners = distinct(allOwners(values).map((owner) => spans[owner]!));
  return {
    ownerCount: owners.length,
    owners,
    // Only whether there are arrays matters to who asks.
    isArray: values.isArray,
    strings: lift(values.strings),
    ints: lift(values.ints),
    doubles: lift(values.doubles),
    bools: lift(values.bools),
    others: lift(values.others),
  };
}
