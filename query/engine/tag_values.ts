// Which values one attribute or intrinsic has. Strings are told by the codes that occur, so that a
// value costs a mark and its text is made once; of a lasting view all values of an attribute are kept.
// Statuses and kinds are the words there are; durations and ids have too many values to be of use.

import { InputError } from "../../lib/errors.ts";
import { invariant } from "../../lib/invariant.ts";
import type {
  AttributeScope,
  AttributeValues,
  SpanView,
  StringColumn,
} from "../../model/span_view.ts";
import { KINDS, parseIdentifier, type Reference, STATUSES } from "../traceql/mod.ts";
import { narrowedRows, planNarrowing } from "./narrowing.ts";
import type { PlannedStage } from "./plan.ts";
import { referenceKey } from "./predicate.ts";
import type { QueryAnswer, TagValue, TagValuesAnswer, TagValuesRequest } from "./query_request.ts";
import type { Rows } from "./row_lists.ts";
import { QueryMemory } from "./query_memory.ts";
import type { Progress } from "./run.ts";
import { ownersOfRows } from "./tags.ts";

export interface TagValuesPlan {
  readonly kind: "tag_values";
  readonly request: TagValuesRequest;
  readonly ref: Reference;
  readonly narrowing: readonly PlannedStage[] | undefined;
}

export function planTagValues(request: TagValuesRequest): TagValuesPlan {
  const ref = parseIdentifier(request.tag);
  if (ref.node === "attribute" && ref.scope.startsWith("parent")) {
    throw new InputError("invalid_argument", `tag ${request.tag}: parent is not supported`);
  }
  return { kind: "tag_values", request, ref, narrowing: planNarrowing(request.query) };
}

export class TagValuesRun {
  readonly #found = new FoundTagValues();
  readonly #memory: QueryMemory;
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(readonly plan: TagValuesPlan) {
    this.#memory = new QueryMemory(plan.request.memoryBytesMax);
  }

  async add(view: SpanView, signal: AbortSignal): Promise<void> {
    await find(this.plan, view, this.#found, signal);
    this.#found.cut(this.plan.request);
    this.#memory.check(this.#found.sizeBytes);
    this.#inspectedSpans += view.spanCount;
    this.#inspectedBytes += view.inspectedBytes;
  }

  addAnswer(part: QueryAnswer): void {
    invariant(part.kind === "tag_values", "QE-2: a part answers the question");
    for (const value of part.values) this.#found.addValue(value);
    this.#inspectedSpans += part.inspectedSpans;
    this.#inspectedBytes += part.inspectedBytes;
  }

  progress(): Progress {
    return { found: this.#found.count, oldestNano: undefined };
  }

  answer(): TagValuesAnswer {
    return {
      kind: "tag_values",
      values: limited(this.#found.values, this.plan.request),
      inspectedTraces: 0,
      inspectedSpans: this.#inspectedSpans,
      inspectedBytes: this.#inspectedBytes,
    };
  }
}

function compareValues(a: TagValue, b: TagValue): number {
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/**
 * Ordered by type and value, each once; as many as the request allows. Lists that are in order already,
 * one after the other, are sorted in linear time.
 */
export function limited(
  values: Iterable<TagValue>,
  { limit, bytesMax }: TagValuesRequest,
): TagValue[] {
  const sorted = [...values].sort(compareValues);
  const kept: TagValue[] = [];
  let sizeBytes = 0;
  for (const value of sorted) {
    const last = kept.at(-1);
    if (last !== undefined && compareValues(last, value) === 0) continue;
    sizeBytes += value.type.length + value.value.length;
    if ((bytesMax > 0 && sizeBytes > bytesMax) || (limit > 0 && kept.length === limit)) break;
    kept.push(value);
  }
  return kept;
}

async function find(
  { ref, narrowing }: TagValuesPlan,
  view: SpanView,
  found: FoundTagValues,
  signal: AbortSignal,
): Promise<void> {
  if (ref.node === "intrinsic" && findWords(ref.name, found)) return;
  const rows = await narrowedRows(view, narrowing, signal);
  if (rows?.length === 0) return;
  if (rows !== undefined || !view.isLasting) return await findIn(ref, view, rows, found);
  const all = await view.derived(`values ${referenceKey(ref)}`, async () => {
    const value = new FoundTagValues();
    await findIn(ref, view, undefined, value);
    return { value, sizeBytes: value.sizeBytes };
  });
  found.addAll(all);
}

async function findIn(
  ref: Reference,
  view: SpanView,
  rows: Rows | undefined,
  found: FoundTagValues,
): Promise<void> {
  if (ref.node === "intrinsic") return await findIntrinsic(view, ref.name, rows, found);
  const scopes: AttributeScope[] = ref.scope === "any"
    ? ["span", "resource"]
    : [ref.scope as AttributeScope];
  for (const scope of scopes) {
    const values = await view.attribute(scope, ref.name);
    const isOwner = rows && await ownersOfRows(view, scope, rows);
    findAttribute(values, isOwner, found);
    if (scope === "resource" && ref.name === "service.name") {
      found.addTexts(await view.services(), await ownersOfAll(view, rows));
    }
  }
}

async function ownersOfAll(view: SpanView, rows: Rows | undefined): Promise<Uint8Array> {
  if (rows !== undefined) return await ownersOfRows(view, "resource", rows);
  const { codes } = await view.services();
  return marksOf(await view.resourceOfSpan(), codes.length, undefined);
}

function findAttribute(
  { strings, ints, doubles, bools }: AttributeValues,
  isOwner: Uint8Array | undefined,
  found: FoundTagValues,
): void {
  const isIn = ({ owners }: { owners: Int32Array }, i: number) =>
    isOwner === undefined || isOwner[owners[i]!] === 1;
  if (strings !== undefined) {
    const used = new Uint8Array(strings.strings.size + 1);
    for (let i = 0; i < strings.length; i++) {
      if (isIn(strings, i)) used[strings.codes[i]!] = 1;
    }
    found.addCodes(used, strings.strings);
  }
  if (ints !== undefined) {
    for (let i = 0; i < ints.length; i++) {
      if (isIn(ints, i)) found.addInt(ints.words[i * 2]!, ints.words[i * 2 + 1]! | 0);
    }
  }
  if (doubles !== undefined) {
    const distinct = new Set<number>();
    let isNegativeZeroMet = false;
    for (let i = 0; i < doubles.length; i++) {
      if (!isIn(doubles, i)) continue;
      distinct.add(doubles.values[i]!);
      isNegativeZeroMet ||= Object.is(doubles.values[i], -0);
    }
    for (const value of distinct) found.add("float", floatText(value));
    if (isNegativeZeroMet) found.add("float", "-0.0");
  }
  if (bools !== undefined) {
    for (let i = 0; i < bools.length; i++) {
      if (isIn(bools, i)) found.add("bool", String(bools.values[i] === 1));
    }
  }
}

/** As Go prints floats, with a point even where they are whole. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function findWords(name: string, found: FoundTagValues): boolean {
  if (name === "status") STATUSES.forEach((word) => found.add("keyword", word));
  else if (name === "kind") KINDS.forEach((word) => found.add("keyword", word));
  else if (!WITHOUT_VALUES.has(name)) return false;
  return true;
}

const WITHOUT_VALUES: ReadonlySet<string> = new Set([
  "duration",
  "traceDuration",
  "event:timeSinceStart",
  "trace:id",
  "span:id",
  "span:parentID",
  "link:traceID",
  "link:spanID",
  "parent",
]);

async function findIntrinsic(
  view: SpanView,
  name: string,
  rows: Rows | undefined,
  found: FoundTagValues,
): Promise<void> {
  switch (name) {
    case "name":
      return found.addTexts(await view.names(), rows);
    case "statusMessage":
      return found.addTexts(await view.statusMessages(), rows);
    case "rootName":
    case "rootServiceName": {
      const { rootName, rootService, length } = await view.traces();
      const of = await view.traceOfSpan();
      const column = name === "rootName" ? rootName : rootService;
      return found.addTexts(column, marksOf(of, length, rows));
    }
    case "instrumentation:name":
    case "instrumentation:version": {
      const isName = name === "instrumentation:name";
      const column = isName ? await view.scopeNames() : await view.scopeVersions();
      const of = await view.scopeOfSpan();
      return found.addTexts(column, marksOf(of, column.codes.length, rows));
    }
    case "event:name": {
      const { names, length } = await view.events();
      const isOwner = rows === undefined
        ? new Uint8Array(length).fill(1)
        : await ownersOfRows(view, "event", rows);
      return found.addTexts(names, isOwner);
    }
    case "nestedSetLeft":
      return found.addNumbers((await view.nestedSets()).left, rows);
    case "nestedSetRight":
      return found.addNumbers((await view.nestedSets()).right, rows);
    case "nestedSetParent":
      return found.addNumbers((await view.nestedSets()).parent, rows);
    case "span:childCount":
      return found.addNumbers((await view.nestedSets()).childCount, rows);
  }
}

function marksOf(of: Int32Array, length: number, rows: Rows | undefined): Uint8Array {
  const marks = new Uint8Array(length);
  if (rows === undefined) { for (let row = 0; row < of.length; row++) marks[of[row]!] = 1; }
  else for (let i = 0; i < rows.length; i++) marks[of[rows[i]!]!] = 1;
  return marks;
}

/** Sorting all to cut a few would be done again and again. */
const CUT_RATIO = 8;

const asInt = (value: bigint): number | bigint => {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
};

class FoundTagValues {
  readonly #texts = new Set<string>();
  readonly #ints = new Set<number | bigint>();
  readonly #others = new Map<string, TagValue>();

  get count(): number {
    return this.#texts.size + this.#ints.size + this.#others.size;
  }

  get values(): TagValue[] {
    const values = [...this.#others.values()];
    for (const value of this.#texts) values.push({ type: "string", value });
    for (const value of this.#ints) values.push({ type: "int", value: String(value) });
    return values;
  }

  addValue({ type, value }: TagValue): void {
    if (type === "string") this.#texts.add(value);
    else if (type === "int") this.#ints.add(asInt(BigInt(value)));
    else this.add(type, value);
  }

  add(type: TagValue["type"], value: string): void {
    this.#others.set(type + value, { type, value });
  }

  addInt(low: number, high: number): void {
    const near = high * 4294967296 + low;
    this.#ints.add(Number.isSafeInteger(near) ? near : BigInt(high) << 32n | BigInt(low));
  }

  addNumbers(values: Int32Array, rows: Rows | undefined): void {
    if (rows === undefined) { for (const value of values) this.#ints.add(value); }
    else for (const row of rows) this.#ints.add(values[row]!);
  }

  /** Of the rows, or of those with a mark; absent is empty. */
  addTexts({ codes, strings }: StringColumn, rows: Rows | Uint8Array | undefined): void {
    const used = new Uint8Array(strings.size + 1);
    if (rows instanceof Uint8Array) {
      for (let row = 0; row < rows.length; row++) if (rows[row] === 1) used[codes[row]!] = 1;
    } else if (rows === undefined) {
      for (let row = 0; row < codes.length; row++) used[codes[row]!] = 1;
    } else {
      for (let i = 0; i < rows.length; i++) used[codes[rows[i]!]!] = 1;
    }
    this.addCodes(used, strings);
  }

  addCodes(used: Uint8Array, strings: StringColumn["strings"]): void {
    for (let code = 0; code < used.length; code++) {
      if (used[code] === 1) this.#texts.add(code === 0 ? "" : strings.text(code));
    }
  }

  /** Values of another, all of them. */
  addAll(other: FoundTagValues): void {
    for (const text of other.#texts) this.#texts.add(text);
    for (const value of other.#ints) this.#ints.add(value);
    for (const [key, value] of other.#others) this.#others.set(key, value);
  }

  /** Leaves out what no answer can tell: values behind the last that has room. */
  cut(request: TagValuesRequest): void {
    if (request.bytesMax === 0 || this.sizeBytes <= request.bytesMax * CUT_RATIO) return;
    const kept = limited(this.values, { ...request, limit: 0 });
    this.#texts.clear();
    this.#ints.clear();
    this.#others.clear();
    for (const value of kept) this.addValue(value);
  }

  get sizeBytes(): number {
    let sizeBytes = (this.#ints.size + this.#others.size) * 80;
    for (const text of this.#texts) sizeBytes += 60 + text.length;
    return sizeBytes;
  }
}
