// What decides into which series a span goes, as one number: its resource, name, kind, status, and the
// values of those attributes that are asked for. Spans with one number are alike to a processor, so what
// it learns of one (labels, filters, weight) holds for all, and is looked up by number.
//
//   tuple: resource | name | kind, status | status message | value of each attribute asked for
//
// Rules: numbers mean something until `clear`; whoever keeps columns by them has them cleared with it.
// A value is the code of a string, or less than zero, the number of (type, words).

import { type AttributeColumns, AttributeType } from "../model/attribute_columns.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { ABSENT } from "../model/string_table.ts";
import { valueText } from "./attributes.ts";
import { IntTuples } from "./int_tuples.ts";

/** So many kinds of spans are remembered; then all are forgotten. */
const KINDS_MAX = 1 << 16;
const FIRST_ATTRIBUTE = 4;

export interface SpanKeyOptions {
  readonly hasName: boolean;
  readonly hasStatusMessage: boolean;
  /** Of spans; those of resources are decided by the resource. */
  readonly attributes: readonly string[];
}

export class SpanKeys {
  readonly #kinds: IntTuples;
  readonly #values = new IntTuples(3);
  /** By code of the key: place in the tuple, 0 for none. */
  #placeOf = new Uint16Array(0);
  #generation = -1;

  constructor(readonly options: SpanKeyOptions) {
    this.#kinds = new IntTuples(FIRST_ATTRIBUTE + options.attributes.length);
  }

  get length(): number {
    return this.#kinds.length;
  }

  /** To be asked before a record: whether numbers given before mean nothing any more. */
  isOutdated(spans: SpanColumns): boolean {
    return this.#generation !== spans.generation || this.#kinds.length > KINDS_MAX;
  }

  clear(spans: SpanColumns): void {
    this.#kinds.clear();
    this.#values.clear();
    this.#generation = spans.generation;
    const codes = this.options.attributes.map((key) => spans.strings.internString(key));
    this.#placeOf = new Uint16Array(Math.max(0, ...codes) + 1);
    for (const [i, code] of codes.entries()) this.#placeOf[code] = FIRST_ATTRIBUTE + i;
  }

  of(spans: SpanColumns, row: number): number {
    const { tuple } = this.#kinds;
    tuple[0] = spans.resource[row]!;
    tuple[1] = this.options.hasName ? spans.name[row]! : ABSENT;
    tuple[2] = spans.kind[row]! | spans.statusCode[row]! << 8;
    tuple[3] = this.options.hasStatusMessage ? spans.statusMessage[row]! : ABSENT;
    if (tuple.length > FIRST_ATTRIBUTE) this.#attributes(spans, row, tuple);
    return this.#kinds.intern();
  }

  #attributes(spans: SpanColumns, row: number, tuple: Int32Array): void {
    tuple.fill(ABSENT, FIRST_ATTRIBUTE);
    const { attributeStart, attributes } = spans;
    const placeOf = this.#placeOf;
    const end = attributeStart[row + 1]!;
    for (let at = attributeStart[row]!; at < end; at++) {
      const key = attributes.key[at]!;
      if (key >= placeOf.length) continue;
      const place = placeOf[key]!;
      if (place === 0 || tuple[place] !== ABSENT) continue;
      tuple[place] = this.#value(spans, attributes, at);
    }
  }

  #value(spans: SpanColumns, list: AttributeColumns, at: number): number {
    const type = list.type[at]!;
    const low = list.words[at * 2]!;
    if (type === AttributeType.String || type === AttributeType.Unsupported) return low;
    if (type >= AttributeType.EmptyArray) {
      return spans.strings.internString(valueText(spans.strings, list, at));
    }
    const { tuple } = this.#values;
    tuple[0] = type;
    tuple[1] = low;
    tuple[2] = list.words[at * 2 + 1]!;
    return -1 - this.#values.intern();
  }
}
