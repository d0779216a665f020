// A row group of a block as a SpanView: columns are read, decoded and kept when first asked for.
// An attribute predicate looks at the dictionary of keys first: a row group that never saw the key
// costs that dictionary and nothing else.

import type { ByteArrays } from "../parquet/byte_arrays.ts";
import type { Column } from "../parquet/column.ts";
import { CorruptionError } from "../../lib/errors.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import { FoundInts } from "./found_ints.ts";
import { grown, IntList } from "../../lib/growable.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import type {
  AttributeInts,
  AttributeStrings,
  NestedSetColumns,
  SpanView,
  StringColumn,
  Strings,
} from "../../model/span_view.ts";

const SPANS = "rs.ss.Spans.";
const SPAN_LEVEL = 3;

export class BlockView implements SpanView {
  readonly #columns = new Map<string, Promise<Column>>();
  #nesting: Promise<{ resources: Int32Array; traceStart: Int32Array }> | undefined;

  constructor(
    readonly file: ParquetFile,
    readonly group: RowGroup,
    readonly dedicated: readonly DedicatedColumn[],
  ) {}

  async length(): Promise<number> {
    return (await this.resources()).length;
  }

  async resources(): Promise<Int32Array> {
    return (await this.#nested()).resources;
  }

  async services(): Promise<StringColumn> {
    const { codes, valueCount, dictionary } = await this.#column("rs.Resource.ServiceName");
    const shifted = new Int32Array(valueCount);
    for (let i = 0; i < valueCount; i++) shifted[i] = codes[i]! + 1;
    return { codes: shifted, strings: new DictionaryStrings(dictionary) };
  }

  async durationNano(): Promise<Float64Array> {
    const { words, valueCount } = await this.#column(SPANS + "DurationNano");
    const nanos = new Float64Array(valueCount);
    for (let i = 0; i < valueCount; i++) {
      nanos[i] = (words[i * 2 + 1]! | 0) * 4294967296 + words[i * 2]!;
    }
    return nanos;
  }

  async startUnixNano(): Promise<Uint32Array> {
    return (await this.#column(SPANS + "StartTimeUnixNano")).words;
  }

  async kinds(): Promise<Uint8Array> {
    const { words, valueCount } = await this.#column(SPANS + "Kind");
    const kinds = new Uint8Array(valueCount);
    for (let i = 0; i < valueCount; i++) kinds[i] = words[i * 2]!;
    return kinds;
  }

  async nestedSets(): Promise<NestedSetColumns> {
    const [left, right, nesting] = await Promise.all([
      this.#column(SPANS + "NestedSetLeft"),
      this.#column(SPANS + "NestedSetRight"),
      this.#nested(),
    ]);
    return { order: undefined, left: left.ints, right: right.ints, traceStart: nesting.traceStart };
  }

  async attributeStrings(key: string): Promise<AttributeStrings> {
    const spans = new IntList();
    const codes = new IntList();
    let dictionary: ByteArrays | undefined;
    await this.#eachValue(key, false, "Value", (column, value, span) => {
      dictionary = column.dictionary;
      spans.push(span);
      codes.push(column.codes[value]! + 1);
    });
    const strings = new DictionaryStrings(dictionary);
    return { length: spans.length, spans: spans.values, codes: codes.values, strings };
  }

  async attributeInts(key: string): Promise<AttributeInts> {
    const found = new FoundInts();
    await this.#eachValue(key, true, "ValueInt", ({ words }, value, span) => {
      found.push(span, words[value * 2]!, words[value * 2 + 1]!);
    });
    return found;
  }

  async attributeBools(key: string): Promise<AttributeInts> {
    const found = new FoundInts();
    await this.#eachValue(key, false, "ValueBool", ({ bits }, value, span) => {
      found.push(span, bits[value]!, 0);
    });
    return found;
  }

  /** Values of a key: from its dedicated column, or else from the list all other keys share. */
  async #eachValue(
    key: string,
    isInt: boolean,
    leaf: string,
    visit: (column: Column, value: number, span: number) => void,
  ): Promise<void> {
    const own = this.dedicated.find((column) =>
      column.scope === "span" && column.key === key && column.isInt === isInt &&
      this.group.chunks.has(column.path)
    );
    if (own !== undefined) {
      visitOwn(await this.#column(own.path), visit);
      return;
    }
    const known = await this.file.dictionary(this.group, SPANS + "Attrs.Key");
    if (known !== undefined && known.indexOf(key) < 0) return;
    const keys = await this.#column(SPANS + "Attrs.Key");
    const code = keys.dictionary.indexOf(key);
    if (code < 0) return;
    visitShared(keys, code, await this.#column(`${SPANS}Attrs.${leaf}`), visit);
  }

  #nested(): Promise<{ resources: Int32Array; traceStart: Int32Array }> {
    return this.#nesting ??= this.#column(SPANS + "Kind").then(nestingOf);
  }

  #column(path: string): Promise<Column> {
    let column = this.#columns.get(path);
    if (column === undefined) {
      column = this.file.column(this.group, path).then((column) => {
        if (column === undefined) throw new CorruptionError(`no column ${path}`, 0);
        return column;
      });
      this.#columns.set(path, column);
    }
    return column;
  }
}

/** Which resource each span has and where traces start, from the levels of any span column. */
function nestingOf({ repetition, definition, entryCount, valueCount }: Column) {
  const resources = new Int32Array(valueCount);
  let traceStart = new Int32Array(1024);
  let traces = 0;
  let resource = -1;
  let span = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const level = repetition[entry]!;
    if (level < 2) {
      if (definition[entry]! > 0) resource++;
      if (level === 0) {
        if (traces + 1 === traceStart.length) traceStart = grown(traceStart, 0);
        traceStart[traces++] = span;
      }
    }
    if (definition[entry] === SPAN_LEVEL) resources[span++] = resource;
  }
  traceStart[traces] = span;
  return { resources, traceStart: traceStart.subarray(0, traces + 1) };
}

function visitOwn(
  column: Column,
  visit: (column: Column, value: number, span: number) => void,
): void {
  const { repetition, definition, entryCount, leaf } = column;
  let span = -1;
  let value = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    if (definition[entry]! < SPAN_LEVEL) continue; // a scope without spans
    if (repetition[entry]! <= SPAN_LEVEL) span++;
    if (definition[entry] === leaf.definitionMax) visit(column, value++, span);
  }
}

function visitShared(
  keys: Column,
  code: number,
  values: Column,
  visit: (column: Column, value: number, span: number) => void,
): void {
  if (values.valueCount === 0) return;
  const keyLevel = keys.leaf.definitionMax;
  const valueLevel = values.leaf.definitionMax;
  const { repetition, definition } = values;
  let span = -1;
  let attribute = 0;
  let value = 0;
  let at = 0; // in the value column, which has one more entry for each further array element
  for (let entry = 0; entry < keys.entryCount; entry++) {
    if (keys.repetition[entry]! < keyLevel && keys.definition[entry]! >= SPAN_LEVEL) span++;
    const isWanted = keys.definition[entry] === keyLevel && keys.codes[attribute++] === code;
    if (definition[at] === valueLevel) {
      if (isWanted) visit(values, value, span);
      value++;
    }
    while (repetition[++at] === valueLevel) {
      if (isWanted) visit(values, value, span);
      value++;
    }
  }
}

class DictionaryStrings implements Strings {
  constructor(readonly dictionary: ByteArrays | undefined) {}

  get size(): number {
    return (this.dictionary?.length ?? 0) + 1;
  }

  find(text: string): number {
    return (this.dictionary?.indexOf(text) ?? -1) + 1;
  }

  text(code: number): string {
    return this.dictionary!.text(code - 1);
  }
}
