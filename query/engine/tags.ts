// Which attributes there are, by scope. Without a filter this asks for the keys alone and looks at no
// span; with one, a key counts if a span that matches has it.

import { InputError } from "../../lib/errors.ts";
import type { AttributeScope, SpanView } from "../../model/span_view.ts";
import { narrowedRows, planNarrowing } from "./narrowing.ts";
import type { PlannedStage } from "./plan.ts";
import type { TagsAnswer, TagsRequest } from "./query_request.ts";
import { marked, type Rows } from "./row_lists.ts";

const SCOPES: readonly AttributeScope[] = ["resource", "span", "event", "link", "instrumentation"];

export const INTRINSIC_TAGS: readonly string[] = [
  "duration",
  "event:name",
  "event:timeSinceStart",
  "instrumentation:name",
  "instrumentation:version",
  "kind",
  "link:spanID",
  "link:traceID",
  "name",
  "rootName",
  "rootServiceName",
  "span:duration",
  "span:id",
  "span:kind",
  "span:name",
  "span:parentID",
  "span:status",
  "span:statusMessage",
  "status",
  "statusMessage",
  "trace:duration",
  "trace:id",
  "trace:rootName",
  "trace:rootService",
  "traceDuration",
];

export interface TagsPlan {
  readonly kind: "tags";
  readonly request: TagsRequest;
  readonly scopes: readonly AttributeScope[];
  readonly hasIntrinsics: boolean;
  readonly narrowing: readonly PlannedStage[] | undefined;
}

export function planTags(request: TagsRequest): TagsPlan {
  const { scope } = request;
  const isAll = scope === "" || scope === "none";
  const scopes = SCOPES.filter((each) => isAll || each === scope);
  if (scopes.length === 0 && scope !== "intrinsic" && scope !== "trace") {
    throw new InputError("invalid_argument", `invalid scope: ${scope}`);
  }
  return {
    kind: "tags",
    request,
    scopes,
    hasIntrinsics: isAll || scope === "intrinsic",
    narrowing: planNarrowing(request.query),
  };
}

export async function runTags(
  plan: TagsPlan,
  view: SpanView,
  signal: AbortSignal,
): Promise<TagsAnswer> {
  const scopes: Record<string, readonly string[]> = {};
  const rows = plan.scopes.length === 0
    ? undefined
    : await narrowedRows(view, plan.narrowing, signal);
  for (const scope of plan.scopes) {
    let keys = rows?.length === 0 ? [] : await view.attributeKeys(scope);
    if (rows !== undefined) keys = await keysOfRows(view, scope, keys, rows, signal);
    if (keys.length > 0) scopes[scope] = keys.toSorted();
  }
  if (plan.hasIntrinsics) scopes.intrinsic = INTRINSIC_TAGS;
  return {
    kind: "tags",
    scopes,
    inspectedTraces: 0,
    inspectedSpans: view.spanCount,
    inspectedBytes: view.inspectedBytes,
  };
}

async function keysOfRows(
  view: SpanView,
  scope: AttributeScope,
  keys: readonly string[],
  rows: Rows,
  signal: AbortSignal,
): Promise<string[]> {
  const isOwner = await ownersOfRows(view, scope, rows);
  const found: string[] = [];
  for (const key of keys) {
    signal.throwIfAborted();
    const { owners, ownerCount } = await view.attribute(scope, key);
    for (let i = 0; i < ownerCount; i++) {
      if (isOwner[owners[i]!] !== 1) continue;
      found.push(key);
      break;
    }
  }
  return found;
}

/** 1 for the owners of attributes that the spans have: themselves, their resources, their events. */
export async function ownersOfRows(
  view: SpanView,
  scope: AttributeScope,
  rows: Rows,
): Promise<Uint8Array> {
  switch (scope) {
    case "span":
      return marked(rows, view.spanCount);
    case "resource":
    case "instrumentation": {
      const isResource = scope === "resource";
      const of = isResource ? await view.resourceOfSpan() : await view.scopeOfSpan();
      const { codes } = isResource ? await view.services() : await view.scopeNames();
      const marks = new Uint8Array(codes.length);
      for (let i = 0; i < rows.length; i++) marks[of[rows[i]!]!] = 1;
      return marks;
    }
    default: {
      const { spans, length } = scope === "event" ? await view.events() : await view.links();
      const isRow = marked(rows, view.spanCount);
      const marks = new Uint8Array(length);
      for (let i = 0; i < length; i++) marks[i] = isRow[spans[i]!]!;
      return marks;
    }
  }
}
