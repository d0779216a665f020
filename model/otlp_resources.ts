// Resources and scopes of OTLP messages, met once: recognised by their raw bytes, so a known one
// costs one hash and is not parsed again; an unknown one is parsed, and is still a known row if it
// only orders its attributes differently. Attributes of resources are kept sorted by key.
// Scopes that differ in their dropped count alone are one, as in the peer; the first count is kept.

import { compareBytes } from "../lib/compare_bytes.ts";
import { ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { type AttributeColumns, AttributeType } from "./attribute_columns.ts";
import { OtlpValueReader } from "./otlp_value.ts";
import { type OwnColumns, OwnSlots } from "./own_columns.ts";
import type { SpanColumns } from "./span_columns.ts";
import { ABSENT, EMPTY_STRING, StringTable } from "./string_table.ts";

const enum Field {
  resourceAttribute = 1 << 3 | WireType.Bytes,
  resourceDropped = 2 << 3 | WireType.Varint,
  scopeName = 1 << 3 | WireType.Bytes,
  scopeVersion = 2 << 3 | WireType.Bytes,
  scopeAttribute = 3 << 3 | WireType.Bytes,
  scopeDropped = 4 << 3 | WireType.Varint,
}

export class OtlpResources {
  // Its own reader: the message around goes on where it was.
  readonly #reader = new ProtobufReader();
  readonly #values: OtlpValueReader;
  readonly #rawResources = new RowByBytes();
  readonly #rawScopes = new RowByBytes();
  readonly #resourceBySignature = new Map<string, number>();
  readonly #scopeBySignature = new Map<string, number>();
  #serviceNameKey = ABSENT;
  readonly #slots: OwnSlots;

  constructor(readonly columns: SpanColumns) {
    this.#values = new OtlpValueReader(this.#reader, columns.strings);
    this.#slots = new OwnSlots(columns.resources.own, columns.dedicated.hasArrays);
    this.reset();
  }

  /** Forgets every row; the columns were emptied. */
  reset(): void {
    const { strings } = this.columns;
    this.#rawResources.clear();
    this.#rawScopes.clear();
    this.#resourceBySignature.clear();
    this.#scopeBySignature.clear();
    this.#serviceNameKey = strings.internString("service.name");
    this.#slots.learn(strings);
  }

  resource(raw: Uint8Array): number {
    const known = this.#rawResources.find(raw);
    if (known >= 0) return known;
    const { resources } = this.columns;
    const pool = resources.attributes;
    const start = resources.attributeStart[resources.length]!;
    const elements = pool.elementCount;
    pool.truncate(start, elements); // a malformed resource may have left some behind
    const next = resources.next();
    const reader = this.#reader;
    const values = this.#values;
    let serviceName = EMPTY_STRING;
    let firstServiceName = ABSENT;
    let dropped = 0;
    const end = raw.length;
    reader.reset(raw);
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.resourceDropped) dropped = reader.varint32(end) | 0;
      else if (tag === Field.resourceAttribute) {
        const key = values.keyValue(reader.lengthEnd(end), pool);
        if (values.type === AttributeType.String && key === this.#serviceNameKey) {
          serviceName = values.low;
          if (firstServiceName === ABSENT) firstServiceName = serviceName;
          continue;
        }
        const slot = this.#slots.slotOf(key);
        if (slot !== 0 && this.#slots.put(slot, next, key, values, pool, start)) continue;
        pool.append(key, values.type, values.low, values.high);
      } else reader.skip(tag, end);
    }
    if (firstServiceName === ABSENT) firstServiceName = serviceName;
    const attributes = this.#sorted(pool, start);
    const own = signatureOfOwn(resources.own, next);
    const signature = `${serviceName} ${firstServiceName} ${dropped} ${own} ${
      signatureOf(pool, attributes)
    }`;
    let row = this.#resourceBySignature.get(signature);
    if (row === undefined) {
      rewrite(pool, start, attributes);
      row = resources.append(serviceName, dropped, firstServiceName);
      this.#resourceBySignature.set(signature, row);
    } else pool.truncate(start, elements);
    this.#rawResources.add(row);
    return row;
  }

  scope(raw: Uint8Array): number {
    const known = this.#rawScopes.find(raw);
    if (known >= 0) return known;
    const { scopes } = this.columns;
    const pool = scopes.attributes;
    const start = scopes.attributeStart[scopes.length]!;
    const elements = pool.elementCount;
    pool.truncate(start, elements);
    const reader = this.#reader;
    const values = this.#values;
    let name = EMPTY_STRING;
    let version = EMPTY_STRING;
    let dropped = 0;
    const end = raw.length;
    reader.reset(raw);
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.scopeName) name = values.string(end);
      else if (tag === Field.scopeVersion) version = values.string(end);
      else if (tag === Field.scopeDropped) dropped = reader.varint32(end) | 0;
      else if (tag === Field.scopeAttribute) values.attribute(reader.lengthEnd(end), pool);
      else reader.skip(tag, end);
    }
    const signature = `${name} ${version} ${signatureOf(pool, this.#sorted(pool, start))}`;
    let row = this.#scopeBySignature.get(signature);
    if (row === undefined) {
      row = scopes.append(name, version, dropped);
      this.#scopeBySignature.set(signature, row);
    } else pool.truncate(start, elements);
    this.#rawScopes.add(row);
    return row;
  }

  /** Rows [start, length) of the pool, by key; those of one key in the order they came. */
  #sorted(pool: AttributeColumns, start: number): Attribute[] {
    const { strings } = this.columns;
    const attributes = Array.from({ length: pool.length - start }, (_, i) => ({
      key: pool.key[start + i]!,
      type: pool.type[start + i]!,
      low: pool.words[(start + i) * 2]!,
      high: pool.words[(start + i) * 2 + 1]!,
    }));
    return attributes.sort((a, b) => compareBytes(strings.bytes(a.key), strings.bytes(b.key)));
  }
}

interface Attribute {
  readonly key: number;
  readonly type: number;
  readonly low: number;
  readonly high: number;
}

function rewrite(pool: AttributeColumns, start: number, attributes: readonly Attribute[]): void {
  for (const [i, { key, type, low, high }] of attributes.entries()) {
    pool.key[start + i] = key;
    pool.type[start + i] = type;
    pool.words[(start + i) * 2] = low;
    pool.words[(start + i) * 2 + 1] = high;
  }
}

/** Equal for equal attributes: arrays by their elements, everything else by its words. */
function signatureOf(pool: AttributeColumns, attributes: readonly Attribute[]): string {
  return attributes.map(({ key, type, low, high }) => {
    const isArray = type > AttributeType.EmptyArray;
    const value = isArray
      ? pool.elementWords.slice(low * 2, (low + high) * 2).join()
      : type === AttributeType.EmptyArray
      ? ""
      : `${low}:${high}`;
    return `${key}:${type}:${value}`;
  }).join(" ");
}

function signatureOfOwn({ strings, ints }: OwnColumns, row: number): string {
  const numbers = ints.map(({ words, isPresent }) =>
    isPresent[row] === 0 ? "" : `${words[row * 2]}:${words[row * 2 + 1]}`
  );
  return `${strings.map((codes) => codes[row])} ${numbers}`;
}

/** Remembers which row a sequence of bytes led to. */
class RowByBytes {
  readonly #raw = new StringTable();
  readonly #rows: number[] = [];
  #last = 0;

  /** The row, or -1; after -1 the caller says which row it is with `add`. */
  find(raw: Uint8Array): number {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    this.#last = this.#raw.intern(raw, view, 0, raw.length);
    return this.#rows[this.#last] ?? -1;
  }

  add(row: number): void {
    this.#rows[this.#last] = row;
  }

  clear(): void {
    this.#raw.clear();
    this.#rows.length = 0;
  }
}
