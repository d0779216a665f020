// By what spans are grouped: for one reference a dense code per position, and the label of each code.
// Rule: one value per span. An array of several and values of several types are nil, for a label is
// one value; of events and links the first speaks.

import type { AttributeValues, SpanView, StringColumn } from "../../../model/span_view.ts";
import { invariant } from "../../../lib/invariant.ts";
import { KINDS, OTLP_KIND, OTLP_STATUS, type Reference, STATUSES } from "../../traceql/mod.ts";
import { fieldReader } from "../field_values.ts";
import { referenceKey } from "../predicate.ts";
import { resultValue } from "../result_values.ts";
import { distinct, type Rows } from "../row_lists.ts";
import { spanAttributeColumn } from "./attribute_column.ts";
import {
  eachPosition,
  type GroupColumn,
  type Label,
  listed,
  type Positions,
  TABLE_MAX,
  text,
  texts,
} from "./label_column.ts";
import { labelKey } from "./metrics_answer.ts";
const STATUS_WORDS = wordsByNumber(OTLP_STATUS, STATUSES);
const KIND_WORDS = wordsByNumber(OTLP_KIND, KINDS);

function wordsByNumber<W extends string>(
  numbers: Readonly<Record<W, number>>,
  words: readonly W[],
) {
  return new Map<number, string>(words.map((word) => [numbers[word], word]));
}

/**
 * A view that remembers makes the column of all its spans once, and any positions are picked from it;
 * one that does not looks at no more than the spans asked about.
 */
export async function groupColumn(
  view: SpanView,
  ref: Reference,
  at: Positions,
): Promise<GroupColumn> {
  if (!view.isLasting) return await freshColumn(view, ref, at);
  const whole = await view.derived(`groups ${referenceKey(ref)}`, async () => {
    const value = await freshColumn(view, ref, { rows: undefined, count: view.spanCount });
    return { value, sizeBytes: value.codes.byteLength + value.size * LABEL_BYTES };
  });
  return at.rows === undefined ? whole : picked(whole, at.rows);
}

/** What a label takes once it is made, and its key. */
const LABEL_BYTES = 150;
/** Fewer codes are not worth numbering anew. */
const CODES_KEPT_MAX = 1024;

/** The codes at some rows, which need not ascend. */
function picked(whole: GroupColumn, rows: Int32Array): GroupColumn {
  const codes = new Int32Array(rows.length);
  if (whole.size <= CODES_KEPT_MAX) {
    for (let i = 0; i < codes.length; i++) codes[i] = whole.codes[rows[i]!]!;
    return { ...whole, codes };
  }
  const known = new Int32Array(whole.size); // code + 1
  const origins: number[] = [];
  for (let i = 0; i < codes.length; i++) {
    const origin = whole.codes[rows[i]!]!;
    const code = known[origin]!;
    codes[i] = code === 0 ? (known[origin] = origins.push(origin)) - 1 : code - 1;
  }
  return {
    codes,
    size: origins.length,
    label: (code) => whole.label(origins[code]!),
    key: (code) => whole.key(origins[code]!),
  };
}

/** Made from the columns of the view, and of these spans alone. */
export async function freshColumn(
  view: SpanView,
  ref: Reference,
  at: Positions,
): Promise<GroupColumn> {
  if (ref.node === "intrinsic") return await intrinsicColumn(view, ref, at);
  switch (ref.scope) {
    case "resource":
      return await resourceColumn(view, ref.name, at);
    case "span":
      return spanAttributeColumn(await spanValues(view, ref.name, at), at);
    case "any":
      return await unscopedColumn(view, ref.name, at);
    case "instrumentation": {
      const values = await view.attribute("instrumentation", ref.name);
      return byOwner(await view.scopeOfSpan(), at, values);
    }
    default:
      return await readColumn(view, ref, at);
  }
}

async function intrinsicColumn(
  view: SpanView,
  ref: Extract<Reference, { node: "intrinsic" }>,
  at: Positions,
): Promise<GroupColumn> {
  switch (ref.name) {
    case "status":
      return byNumber(await view.statusCodes(), at, (n) => STATUS_WORDS.get(n) ?? `status(${n})`);
    case "kind":
      return byNumber(await view.kinds(), at, (n) => KIND_WORDS.get(n) ?? `kind(${n})`);
    case "span:childCount":
      return byInt((await view.nestedSets()).childCount, at);
    case "name":
      return byCode(await view.names(), at);
    case "statusMessage":
      return byCode(await view.statusMessages(), at);
    case "instrumentation:name":
      return byCodeOfOwner(await view.scopeNames(), await view.scopeOfSpan(), at);
    case "instrumentation:version":
      return byCodeOfOwner(await view.scopeVersions(), await view.scopeOfSpan(), at);
    case "rootName":
      return byCodeOfOwner((await view.traces()).rootName, await view.traceOfSpan(), at);
    case "rootServiceName":
      return byCodeOfOwner((await view.traces()).rootService, await view.traceOfSpan(), at);
    default:
      return await readColumn(view, ref, at);
  }
}

async function resourceColumn(view: SpanView, key: string, at: Positions): Promise<GroupColumn> {
  const of = await view.resourceOfSpan();
  // A name that is no text counts as none, as in the peer's column of names.
  if (key === "service.name") return byCodeOfOwner(await view.services(), of, at);
  const values = await view.attribute("resource", key);
  return byOwner(of, at, values);
}

function spanValues(view: SpanView, key: string, { rows }: Positions): Promise<AttributeValues> {
  return view.attribute("span", key, rows === undefined ? {} : { owners: rows });
}

async function unscopedColumn(view: SpanView, key: string, at: Positions): Promise<GroupColumn> {
  const values = await spanValues(view, key, at);
  const own = spanAttributeColumn(values, at);
  const shared = await resourceColumn(view, key, at);
  const codeOf = new Map<string, number>();
  const labels: Label[] = [];
  const unified = (label: Label) => {
    const key = labelKey(label);
    let code = codeOf.get(key);
    if (code === undefined) codeOf.set(key, code = labels.push(label) - 1);
    return code;
  };
  const allOf = (column: GroupColumn) =>
    Array.from({ length: column.size }, (_, code) => unified(column.label(code)));
  const ownCodes = allOf(own);
  const sharedCodes = allOf(shared);
  const codes = new Int32Array(at.count);
  for (let i = 0; i < at.count; i++) codes[i] = sharedCodes[shared.codes[i]!]!;
  eachPosition(values.owners, values.ownerCount, at, (i) => codes[i] = ownCodes[own.codes[i]!]!);
  return listed(codes, labels);
}

// ---- Columns of codes ----

function byCode(source: StringColumn, { rows, count }: Positions): GroupColumn {
  const { codes: column, strings } = source;
  const codes = new Int32Array(count);
  const origins: number[] = [];
  const add = (code: number) => origins.push(code) - 1;
  if (strings.size > TABLE_MAX) {
    const known = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const code = column[rows === undefined ? i : rows[i]!]!;
      let dense = known.get(code);
      if (dense === undefined) known.set(code, dense = add(code));
      codes[i] = dense;
    }
    return texts(codes, source, origins);
  }
  const known = new Int32Array(strings.size + 1); // dense + 1
  for (let i = 0; i < count; i++) {
    const code = column[rows === undefined ? i : rows[i]!]!;
    const dense = known[code]!;
    codes[i] = dense === 0 ? (known[code] = add(code) + 1) - 1 : dense - 1;
  }
  return texts(codes, source, origins);
}

function byNumber(
  column: Uint8Array,
  { rows, count }: Positions,
  word: (n: number) => string,
): GroupColumn {
  const codes = new Int32Array(count);
  const known = new Int32Array(256);
  const labels: Label[] = [];
  for (let i = 0; i < count; i++) {
    const n = column[rows === undefined ? i : rows[i]!]!;
    const dense = known[n]!;
    codes[i] = dense === 0 ? (known[n] = labels.push(text(word(n)))) - 1 : dense - 1;
  }
  return listed(codes, labels);
}

function byInt(column: Int32Array, { rows, count }: Positions): GroupColumn {
  const codes = new Int32Array(count);
  const labels: Label[] = [];
  const known = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const n = column[rows === undefined ? i : rows[i]!]!;
    let code = known.get(n);
    if (code === undefined) known.set(n, code = labels.push({ intValue: String(n) }) - 1);
    codes[i] = code;
  }
  return listed(codes, labels);
}

/** What spans have of owners that they share: a column of the owners, picked from. */
function byOwner(
  of: Int32Array,
  { rows, count }: Positions,
  values: AttributeValues,
): GroupColumn {
  const owners = new Int32Array(count);
  let most = -1;
  for (let i = 0; i < count; i++) {
    const owner = of[rows === undefined ? i : rows[i]!]!;
    owners[i] = owner;
    if (owner > most) most = owner;
  }
  return picked(spanAttributeColumn(values, { rows: undefined, count: most + 1 }), owners);
}

function byCodeOfOwner(
  source: StringColumn,
  of: Int32Array,
  { rows, count }: Positions,
): GroupColumn {
  const { codes: column } = source;
  const origins: number[] = [];
  const codeOf = new Map<number, number>();
  const add = (owner: number) => {
    const code = column[owner]!;
    let dense = codeOf.get(code);
    if (dense === undefined) codeOf.set(code, dense = origins.push(code) - 1);
    return dense;
  };
  return texts(codesOfOwners(of, rows, count, add), source, origins);
}

function codesOfOwners(
  of: Int32Array,
  rows: Rows | undefined,
  count: number,
  add: (owner: number) => number,
): Int32Array {
  const codes = new Int32Array(count);
  let known = new Int32Array(1024); // code + 1
  for (let i = 0; i < count; i++) {
    const owner = of[rows === undefined ? i : rows[i]!]!;
    if (owner >= known.length) {
      const grown = new Int32Array(Math.max(owner + 1, known.length * 4));
      grown.set(known);
      known = grown;
    }
    const code = known[owner]!;
    codes[i] = code === 0 ? (known[owner] = add(owner) + 1) - 1 : code - 1;
  }
  return codes;
}

// ---- Whatever else ----

/** Value by value: for references that few group by. */
async function readColumn(view: SpanView, ref: Reference, at: Positions): Promise<GroupColumn> {
  const { rows, count } = at;
  const read = await fieldReader(view, ref, {}, rows);
  const owners = await listedSpans(view, ref);
  const codes = new Int32Array(count);
  // A span without events has an empty name of one, as the peer tells it.
  const labels: Label[] = [ref.name === "event:name" ? text("") : undefined];
  const known = new Map<string, number>(ref.name === "event:name" ? [["string ", 0]] : []);
  const add = (i: number) => {
    const values = read(rows === undefined ? i : rows[i]!);
    const value = values.length === 1 || owners !== undefined ? values[0] : undefined;
    if (value === undefined) return;
    invariant(value.type !== "nil", "QM-1: no span has nil for a value");
    const key = `${value.type} ${value.value}`;
    let code = known.get(key);
    if (code === undefined) known.set(key, code = labels.push(resultValue([value])) - 1);
    codes[i] = code;
  };
  if (owners === undefined) { for (let i = 0; i < count; i++) add(i); }
  else eachPosition(owners, owners.length, at, add);
  return listed(codes, labels);
}

/** Of what belongs to events and links: the spans that have any, ascending. */
async function listedSpans(view: SpanView, ref: Reference): Promise<Int32Array | undefined> {
  const scope = ref.node === "attribute" ? ref.scope : ref.name.split(":")[0];
  if (scope !== "event" && scope !== "link") return undefined;
  const { spans, length } = scope === "event" ? await view.events() : await view.links();
  return distinct(spans.subarray(0, length));
}
