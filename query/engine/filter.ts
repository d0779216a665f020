// Evaluates a predicate over a view: which spans it leaves. Each leaf looks at whole columns, or only
// at the rows that conditions before it have left; a column is loaded when its turn comes, so that an
// empty answer loads no more.

import type {
  AttributeScope,
  AttributeWant,
  SpanView,
  StringColumn,
} from "../../model/span_view.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { OTLP_KIND, OTLP_STATUS } from "../traceql/mod.ts";
import { rowsAmong, rowsComparing } from "./compare_loops.ts";
import { rowsOfExpression } from "./expression.ts";
import { filterDerived } from "./filter_derived.ts";
import { allOwners, matchingOwners, ownedBy, StringVerdicts, typedOwners } from "./owner_values.ts";
import type {
  Leaf,
  NumberLeaf,
  Predicate,
  StringLeaf,
  Truth,
  TruthComparison,
} from "./predicate.ts";
import {
  allRows,
  distinct,
  intersect,
  marked,
  type Rows,
  rowsByCode,
  rowsByVerdict,
  subtract,
  union,
} from "./row_lists.ts";

const EMPTY: Rows = new Int32Array(0);
/** Between these the thread hears whether it is to stop: a query may have ten thousand. */
const PARTS_PER_TURN = 8;

/** The rows of `from`, or of all spans, that the predicate matches. */
export async function filterRows(
  view: SpanView,
  predicate: Predicate,
  from: Rows | undefined,
  signal: AbortSignal,
): Promise<Rows> {
  signal.throwIfAborted();
  if (from?.length === 0) return from;
  switch (predicate.node) {
    case "constant":
      return predicate.value ? from ?? allRows(view.spanCount) : EMPTY;
    case "not": {
      const rows = await filterRows(view, predicate.part, from, signal);
      return subtract(from, rows, view.spanCount);
    }
    case "and": {
      let rows = from;
      for (const [i, part] of predicate.parts.entries()) {
        if (i % PARTS_PER_TURN === PARTS_PER_TURN - 1) await nextTurn();
        rows = await filterRows(view, part, rows, signal);
      }
      return rows!;
    }
    case "or": {
      let found = EMPTY;
      let rest = from;
      for (const [i, part] of predicate.parts.entries()) {
        if (i % PARTS_PER_TURN === PARTS_PER_TURN - 1) await nextTurn();
        const rows = await filterRows(view, part, rest, signal);
        if (rows.length === 0) continue;
        found = union(found, rows);
        rest = subtract(rest, rows, view.spanCount);
      }
      return found;
    }
    case "truth":
      return await filterTruth(view, predicate, from, signal);
    case "expression":
      return rowsOfExpression(view, predicate.field, from);
    default:
      return await filterLeaf(view, predicate, from);
  }
}

async function filterTruth(
  view: SpanView,
  { left, right, isEqual }: TruthComparison,
  from: Rows | undefined,
  signal: AbortSignal,
): Promise<Rows> {
  const rowsOf = async ({ yes, no }: Truth) => {
    const isTrue = await filterRows(view, yes, from, signal);
    const isFalse = no === undefined
      ? subtract(from, isTrue, view.spanCount)
      : await filterRows(view, no, from, signal);
    return { isTrue, isFalse };
  };
  const a = await rowsOf(left);
  const b = await rowsOf(right);
  const equal = union(intersect(a.isTrue, b.isTrue), intersect(a.isFalse, b.isFalse));
  if (isEqual) return equal;
  const unequal = union(intersect(a.isTrue, b.isFalse), intersect(a.isFalse, b.isTrue));
  return subtract(unequal, equal, view.spanCount);
}

function filterLeaf(view: SpanView, leaf: Leaf, from: Rows | undefined): Promise<Rows> {
  const { ref } = leaf;
  if (ref.node === "intrinsic") return filterIntrinsic(view, leaf, ref.name, from);
  switch (ref.scope) {
    case "any":
      return filterUnscoped(view, leaf, ref.name, from);
    case "resource":
    case "span":
    case "event":
    case "link":
    case "instrumentation":
      return filterAttribute(view, leaf, ref.scope, ref.name, from);
    default: // parent.*: refused before
      return Promise.resolve(EMPTY);
  }
}

// ---- Attributes ----

async function filterAttribute(
  view: SpanView,
  leaf: Leaf,
  scope: AttributeScope,
  key: string,
  from: Rows | undefined,
): Promise<Rows> {
  if (scope === "resource" && key === "service.name") return filterService(view, leaf, from);
  const want = wantOf(leaf);
  const isNarrowed = scope === "span" && from !== undefined;
  const values = await view.attribute(scope, key, isNarrowed ? { ...want, owners: from } : want);
  if (leaf.node === "presence" && leaf.op === "missing") {
    return subtract(from, await spansOfOwners(view, scope, allOwners(values)), view.spanCount);
  }
  // Events and links are the span's many values: they are judged together.
  if (scope === "event" || scope === "link") {
    const spans = scope === "event" ? (await view.events()).spans : (await view.links()).spans;
    return within(matchingOwners(ownedBy(values, spans), leaf), from);
  }
  const owners = matchingOwners(values, leaf);
  if (scope === "span") return within(owners, from);
  return await rowsOfOwners(view, scope, owners, from);
}

/** The span's own value, or else the resource's. */
async function filterUnscoped(
  view: SpanView,
  leaf: Leaf,
  key: string,
  from: Rows | undefined,
): Promise<Rows> {
  if (leaf.node === "presence" && leaf.op === "missing") {
    const rest = await filterAttribute(view, leaf, "span", key, from);
    return await filterAttribute(view, leaf, "resource", key, rest);
  }
  const ofSpan = await filterAttribute(view, leaf, "span", key, from);
  const ofResource = await filterAttribute(view, leaf, "resource", key, from);
  if (ofResource.length === 0) return ofSpan;
  const own = typedOwners(await view.attribute("span", key, { owners: ofResource }));
  return union(ofSpan, subtract(ofResource, own, view.spanCount));
}

/** Resources without a name have the empty one; a name may also be no string. */
async function filterService(
  view: SpanView,
  leaf: Leaf,
  from: Rows | undefined,
): Promise<Rows> {
  if (leaf.node === "presence") {
    return leaf.op === "present" ? from ?? allRows(view.spanCount) : EMPTY;
  }
  if (leaf.node === "string") {
    const verdict = stringVerdicts(await view.services(), leaf);
    if (!verdict.includes(1)) return EMPTY;
    return rowsByVerdict(await view.resourceOfSpan(), verdict, from, view.spanCount);
  }
  const owners = matchingOwners(await view.attribute("resource", "service.name"), leaf);
  return await rowsOfOwners(view, "resource", owners, from);
}

function wantOf(leaf: Leaf): AttributeWant {
  if (leaf.node !== "string" || leaf.isNone || leaf.test.anyOf === undefined) return {};
  return { anyOf: leaf.test.anyOf };
}

const within = (rows: Rows, from: Rows | undefined): Rows =>
  from === undefined ? rows : intersect(rows, from);

/** Spans of resources or scopes. */
async function rowsOfOwners(
  view: SpanView,
  scope: "resource" | "instrumentation",
  owners: Rows,
  from: Rows | undefined,
): Promise<Rows> {
  if (owners.length === 0) return EMPTY;
  const of = scope === "resource" ? await view.resourceOfSpan() : await view.scopeOfSpan();
  if (owners.length === 1) return rowsByCode(of, owners[0]!, from, view.spanCount);
  const { codes } = scope === "resource" ? await view.services() : await view.scopeNames();
  return rowsByVerdict(of, marked(owners, codes.length), from, view.spanCount);
}

async function spansOfOwners(view: SpanView, scope: AttributeScope, owners: Rows): Promise<Rows> {
  if (scope === "span") return owners;
  if (scope === "resource" || scope === "instrumentation") {
    return await rowsOfOwners(view, scope, owners, undefined);
  }
  const spans = scope === "event" ? (await view.events()).spans : (await view.links()).spans;
  return distinct(owners.map((owner) => spans[owner]!));
}

// ---- Intrinsics ----

async function filterIntrinsic(
  view: SpanView,
  leaf: Leaf,
  name: string,
  from: Rows | undefined,
): Promise<Rows> {
  const count = view.spanCount;
  switch (name) {
    case "status":
    case "kind": {
      if (leaf.node === "presence") return leaf.op === "present" ? from ?? allRows(count) : EMPTY;
      if (leaf.node !== "enum" || leaf.value.type !== name) return EMPTY;
      const isStatus = leaf.value.type === "status";
      const codes = isStatus ? await view.statusCodes() : await view.kinds();
      const code = isStatus ? OTLP_STATUS[leaf.value.value] : OTLP_KIND[leaf.value.value];
      if (!leaf.isNone) return rowsByCode(codes, code, from, count);
      const verdict = new Uint8Array(256).fill(1);
      verdict[code] = 0;
      return rowsByVerdict(codes, verdict, from, count);
    }
    case "name":
      return filterText(await view.names(), leaf, from, count);
    case "statusMessage":
      return filterText(await view.statusMessages(), leaf, from, count);
    case "instrumentation:name":
    case "instrumentation:version": {
      const isName = name === "instrumentation:name";
      const column = isName ? await view.scopeNames() : await view.scopeVersions();
      return filterTextOf(column, await view.scopeOfSpan(), leaf, from, count);
    }
    case "rootName":
    case "rootServiceName": {
      const { rootName, rootService } = await view.traces();
      const column = name === "rootName" ? rootName : rootService;
      return filterTextOf(column, await view.traceOfSpan(), leaf, from, count);
    }
    case "duration":
      return filterNumbers(await view.durationNano(), leaf, from, count);
    case "nestedSetLeft":
      return filterNumbers((await view.nestedSets()).left, leaf, from, count);
    case "nestedSetRight":
      return filterNumbers((await view.nestedSets()).right, leaf, from, count);
    case "nestedSetParent":
      return filterNumbers((await view.nestedSets()).parent, leaf, from, count);
    case "span:childCount":
      return filterNumbers((await view.nestedSets()).childCount, leaf, from, count);
    default:
      return await filterDerived(view, leaf, name, from);
  }
}

function filterNumbers(
  values: Float64Array | Int32Array,
  leaf: Leaf,
  from: Rows | undefined,
  count: number,
): Rows {
  if (leaf.node === "presence") return leaf.op === "present" ? from ?? allRows(count) : EMPTY;
  if (leaf.node !== "number") return EMPTY;
  if (leaf.others !== undefined) {
    const wanted = new Set([leaf.value, ...leaf.others].map(({ value }) => Number(value)));
    wanted.delete(NaN); // which equals nothing
    return rowsAmong(values, wanted, from, count);
  }
  return rowsComparing(values, leaf.op, numberOf(leaf), from, count);
}

const numberOf = (leaf: NumberLeaf): number => Number(leaf.value.value);

/** A column of texts by span: absent is empty. */
function filterText(
  column: StringColumn,
  leaf: Leaf,
  from: Rows | undefined,
  count: number,
): Rows {
  if (leaf.node === "presence") return leaf.op === "present" ? from ?? allRows(count) : EMPTY;
  if (leaf.node !== "string") return EMPTY;
  const verdicts = new StringVerdicts(column.strings, leaf.test);
  const { codes } = column;
  if (verdicts.only >= 0 && !leaf.isNone) {
    return verdicts.only === 0 ? EMPTY : rowsByCode(codes, verdicts.only, from, count);
  }
  if (leaf.test.anyOf !== undefined && !leaf.isNone) {
    return rowsByVerdict(codes, verdicts.flags(), from, count);
  }
  const length = from === undefined ? count : from.length;
  const found = new Int32Array(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    const row = from === undefined ? i : from[i]!;
    if (verdicts.passes(codes[row]!) !== leaf.isNone) found[at++] = row;
  }
  return found.subarray(0, at);
}

function filterTextOf(
  column: StringColumn,
  ownerOfSpan: Int32Array,
  leaf: Leaf,
  from: Rows | undefined,
  count: number,
): Rows {
  if (leaf.node === "presence") return leaf.op === "present" ? from ?? allRows(count) : EMPTY;
  if (leaf.node !== "string") return EMPTY;
  const verdict = stringVerdicts(column, leaf);
  if (!verdict.includes(1)) return EMPTY;
  return rowsByVerdict(ownerOfSpan, verdict, from, count);
}

/** 1 by row of a small table where its text passes; absent is empty. */
function stringVerdicts({ codes, strings }: StringColumn, leaf: StringLeaf): Uint8Array {
  const verdicts = new StringVerdicts(strings, leaf.test);
  const verdict = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    verdict[i] = verdicts.passes(codes[i]!) !== leaf.isNone ? 1 : 0;
  }
  return verdict;
}
