// The strings of columns as codes: a dictionary's index plus one, because 0 means absent.

import type { ByteArrays } from "../parquet/byte_arrays.ts";
import type { AttributeStrings, Strings } from "../../model/span_view.ts";

export class ColumnStrings implements Strings {
  constructor(readonly dictionary: ByteArrays) {}

  get size(): number {
    return this.dictionary.length + 1;
  }

  find(text: string): number {
    return this.dictionary.indexOf(text) + 1;
  }

  text(code: number): string {
    return this.dictionary.text(code - 1);
  }
}

/** Strings of one column and a few more. */
class ExtendedStrings implements Strings {
  readonly #more: string[] = [];
  readonly #codes = new Map<string, number>();

  constructor(readonly base: Strings) {}

  get size(): number {
    return this.base.size + this.#more.length;
  }

  find(text: string): number {
    return this.base.find(text) || (this.#codes.get(text) ?? 0);
  }

  text(code: number): string {
    return code < this.base.size ? this.base.text(code) : this.#more[code - this.base.size]!;
  }

  add(text: string): number {
    const known = this.find(text);
    if (known !== 0) return known;
    const code = this.size;
    this.#more.push(text);
    this.#codes.set(text, code);
    return code;
  }
}

/** The values of `few` among those of `many`, owners ascending, one code per string. */
export function mergedStrings(many: AttributeStrings, few: AttributeStrings): AttributeStrings {
  const strings = new ExtendedStrings(many.strings);
  const length = many.length + few.length;
  const owners = new Int32Array(length);
  const codes = new Int32Array(length);
  let m = 0;
  let f = 0;
  for (let i = 0; i < length; i++) {
    if (f === few.length || (m < many.length && many.owners[m]! <= few.owners[f]!)) {
      owners[i] = many.owners[m]!;
      codes[i] = many.codes[m++]!;
    } else {
      owners[i] = few.owners[f]!;
      codes[i] = strings.add(few.strings.text(few.codes[f++]!));
    }
  }
  return { length, owners, codes, strings };
}
