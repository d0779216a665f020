// Conditions on intrinsics that have no column by span: ids, what is known of traces, and the values
// of events and links, of which a span has many.

import type { SpanView } from "../../model/span_view.ts";
import { doublesComparing } from "./compare_loops.ts";
import { hexOfWords, rowsOfIds, withoutLeadingZeros, wordsOfHex } from "./id_words.ts";
import { ownersOfAny, ownersOfNone, StringVerdicts } from "./owner_values.ts";
import type { Leaf, StringLeaf } from "./predicate.ts";
import {
  allRows,
  distinct,
  intersect,
  marked,
  type Rows,
  rowsByVerdict,
  subtract,
  union,
} from "./row_lists.ts";

const EMPTY: Rows = new Int32Array(0);

export async function filterDerived(
  view: SpanView,
  leaf: Leaf,
  name: string,
  from: Rows | undefined,
): Promise<Rows> {
  if (leaf.node === "number" && leaf.others !== undefined) {
    const { others, ...one } = leaf;
    let found = await filterDerived(view, one, name, from);
    for (const value of others) {
      found = union(found, await filterDerived(view, { ...one, value }, name, from));
    }
    return found;
  }
  const within = (rows: Rows) => from === undefined ? rows : intersect(rows, from);
  switch (name) {
    case "event:name":
    case "event:timeSinceStart":
    case "link:traceID":
    case "link:spanID": {
      const { spans, length } = name.startsWith("event:")
        ? await view.events()
        : await view.links();
      if (leaf.node === "presence") {
        const present = distinct(spans.subarray(0, length));
        return leaf.op === "present" ? within(present) : subtract(from, present, view.spanCount);
      }
      return within(await filterListed(view, leaf, name));
    }
  }
  if (leaf.node === "presence") {
    return leaf.op === "present" ? from ?? allRows(view.spanCount) : EMPTY;
  }
  switch (name) {
    case "trace:id":
    case "traceDuration": {
      const verdict = await traceVerdicts(view, leaf, name);
      if (!verdict.includes(1)) return EMPTY;
      return rowsByVerdict(await view.traceOfSpan(), verdict, from, view.spanCount);
    }
    case "span:id":
      return leaf.node === "string" ? filterIds(await view.spanIds(), leaf, false, from) : EMPTY;
    case "span:parentID":
      return leaf.node === "string" ? filterIds(await view.parentIds(), leaf, true, from) : EMPTY;
    default: // `parent`: refused before
      return EMPTY;
  }
}

/** Spans by the values of their events or links. */
async function filterListed(view: SpanView, leaf: Leaf, name: string): Promise<Rows> {
  const isNone = leaf.node === "number" ? leaf.op === "!=" : "isNone" in leaf && leaf.isNone;
  const pick = isNone ? ownersOfNone : ownersOfAny;
  if (name === "event:timeSinceStart") {
    if (leaf.node !== "number") return EMPTY;
    const { spans, length, sinceStartNano } = await view.events();
    const op = isNone ? "=" : leaf.op;
    const verdict = doublesComparing(sinceStartNano, length, op, Number(leaf.value.value));
    return pick(spans, verdict, length);
  }
  if (leaf.node !== "string") return EMPTY;
  if (name === "event:name") {
    const { spans, length, names } = await view.events();
    const verdicts = new StringVerdicts(names.strings, leaf.test);
    const verdict = new Uint8Array(length);
    for (let i = 0; i < length; i++) verdict[i] = verdicts.passes(names.codes[i]!) ? 1 : 0;
    return pick(spans, verdict, length);
  }
  const { spans, length, traceIdWords, spanIdWords } = await view.links();
  const verdict = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const hex = name === "link:traceID"
      ? hexOfWords(traceIdWords, i * 4, 4)
      : hexOfWords(spanIdWords, i * 2, 2);
    verdict[i] = leaf.test.matches(hex) ? 1 : 0;
  }
  return pick(spans, verdict, length);
}

async function traceVerdicts(view: SpanView, leaf: Leaf, name: string): Promise<Uint8Array> {
  const { length, idWords, startUnixNano, endUnixNano } = await view.traces();
  if (name === "traceDuration") {
    if (leaf.node !== "number") return new Uint8Array(length);
    const durations = new Float64Array(length);
    for (let i = 0; i < length; i++) durations[i] = elapsed(startUnixNano, endUnixNano, i);
    return doublesComparing(durations, length, leaf.op, Number(leaf.value.value));
  }
  if (leaf.node !== "string") return new Uint8Array(length);
  const { anyOf } = leaf.test;
  const verdict = new Uint8Array(length);
  if (anyOf !== undefined) {
    const wanted = anyOf.flatMap((text) => {
      const words = wordsOfHex(withoutLeadingZeros(text).padStart(32, "0"), 4);
      return words === undefined ? [] : [words];
    });
    verdict.set(marked(rowsOfIds(idWords, length, 4, wanted), length));
  } else {
    for (let i = 0; i < length; i++) {
      verdict[i] = leaf.test.matches(withoutLeadingZeros(hexOfWords(idWords, i * 4, 4))) ? 1 : 0;
    }
  }
  if (leaf.isNone) { for (let i = 0; i < length; i++) verdict[i] = 1 - verdict[i]!; }
  return verdict;
}

export function elapsed(start: Uint32Array, end: Uint32Array, row: number): number {
  return (end[row * 2 + 1]! - start[row * 2 + 1]!) * 4294967296 +
    (end[row * 2]! - start[row * 2]!);
}

/** `isOptional`: an id of zeros is none, and reads as the empty string. */
function filterIds(
  ids: Uint32Array,
  leaf: StringLeaf,
  isOptional: boolean,
  from: Rows | undefined,
): Rows {
  const count = ids.length / 2;
  const { anyOf } = leaf.test;
  let found: Rows;
  if (anyOf !== undefined) {
    const wanted = anyOf.flatMap((text) => {
      if (isOptional && text === "") return [[0, 0]];
      const words = wordsOfHex(text, 2);
      return words === undefined || (isOptional && (words[0]! | words[1]!) === 0) ? [] : [words];
    });
    const all = rowsOfIds(ids, count, 2, wanted);
    found = from === undefined ? all : intersect(all, from);
  } else {
    const rows = from ?? allRows(count);
    found = rows.filter((row) => {
      const isNone = isOptional && (ids[row * 2]! | ids[row * 2 + 1]!) === 0;
      return leaf.test.matches(isNone ? "" : hexOfWords(ids, row * 2, 2));
    });
  }
  return leaf.isNone ? subtract(from, found, count) : found;
}
