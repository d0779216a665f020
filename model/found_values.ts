// The values of one key as they are found, owner by owner, and the columns made of them.

import { IntList } from "../lib/growable.ts";
import { AttributeType } from "./attribute_columns.ts";
import type { AttributeStrings, AttributeValues } from "./span_view.ts";
import type { StringTable } from "./string_table.ts";

/** Grows the answer; owners must come ascending. */
export class FoundValues {
  readonly #owners = new IntList();
  #arrays: IntList | undefined;
  #strings: Pairs | undefined;
  #ints: WordPairs | undefined;
  #doubles: WordPairs | undefined;
  #bools: Pairs | undefined;
  #others: Pairs | undefined;

  /** A key that an owner has twice counts once. */
  own(owner: number): void {
    const { values, length } = this.#owners;
    if (length === 0 || values[length - 1] !== owner) this.#owners.push(owner);
  }

  /** The owner that came last has an array. */
  markArray(): void {
    (this.#arrays ??= new IntList()).push(this.#owners.length - 1);
  }

  string(owner: number, code: number): void {
    (this.#strings ??= new Pairs()).push(owner, code);
  }

  int(owner: number, low: number, high: number): void {
    (this.#ints ??= new WordPairs()).push(owner, low, high);
  }

  scalar(type: number, owner: number, low: number, high: number): void {
    if (type === AttributeType.String) this.string(owner, low);
    else if (type === AttributeType.Int) this.int(owner, low, high);
    else if (type === AttributeType.Double) {
      (this.#doubles ??= new WordPairs()).push(owner, low, high);
    } else if (type === AttributeType.Bool) (this.#bools ??= new Pairs()).push(owner, low);
    else (this.#others ??= new Pairs()).push(owner, low);
  }

  values(strings: StringTable): AttributeValues {
    const ownerCount = this.#owners.length;
    let isArray: Uint8Array | undefined;
    if (this.#arrays !== undefined) {
      isArray = new Uint8Array(ownerCount);
      for (let i = 0; i < this.#arrays.length; i++) isArray[this.#arrays.values[i]!] = 1;
    }
    const doubles = this.#doubles;
    const bools = this.#bools;
    return {
      ownerCount,
      owners: this.#owners.values,
      isArray,
      strings: coded(this.#strings, strings),
      ints: this.#ints && {
        length: this.#ints.owners.length,
        owners: this.#ints.owners.values,
        words: new Uint32Array(this.#ints.words.values.buffer),
      },
      doubles: doubles && {
        length: doubles.owners.length,
        owners: doubles.owners.values,
        values: new Float64Array(doubles.words.values.buffer),
      },
      bools: bools && {
        length: bools.owners.length,
        owners: bools.owners.values,
        values: Uint8Array.from(bools.values.values),
      },
      others: coded(this.#others, strings),
    };
  }
}

class Pairs {
  readonly owners = new IntList();
  readonly values = new IntList();

  push(owner: number, value: number): void {
    this.owners.push(owner);
    this.values.push(value);
  }
}

class WordPairs {
  readonly owners = new IntList();
  readonly words = new IntList();

  push(owner: number, low: number, high: number): void {
    this.owners.push(owner);
    this.words.push(low);
    this.words.push(high);
  }
}

function coded(pairs: Pairs | undefined, strings: StringTable): AttributeStrings | undefined {
  if (pairs === undefined) return undefined;
  return {
    length: pairs.owners.length,
    owners: pairs.owners.values,
    codes: pairs.values.values,
    strings,
  };
}

/** What a key that was never met has. */
export const noValues: AttributeValues = {
  ownerCount: 0,
  owners: new Int32Array(0),
  isArray: undefined,
  strings: undefined,
  ints: undefined,
  doubles: undefined,
  bools: undefined,
  others: undefined,
};
