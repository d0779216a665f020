// The parameters of tag names and tag values, as requests of the query engine.
import { InputError } from "../lib/errors.ts";
import type { TagsRequest, TagValuesRequest } from "../query/engine/mod.ts";
import { parseUint } from "./go_text.ts";
import { checkTag, narrowingFilter } from "./query_text.ts";
import { attributeName } from "./tags_query.ts";
import { named, queryRange, type TimeRules } from "./time_range.ts";

const SCOPES = [
  ...["", "none", "resource", "span", "event", "link", "instrumentation", "intrinsic", "trace"],
];

export interface TagsParams {
  readonly request: TagsRequest;
  /** Tags a scope; 0: no bound. */
  readonly limit: number;
}

export function parseTagsParams(
  query: URLSearchParams,
  tenant: string,
  nowMs: number,
  rules: TimeRules & { readonly maxQueryBytes: number },
): TagsParams {
  const scope = query.get("scope") ?? "";
  if (!SCOPES.includes(scope)) throw new InputError("invalid_argument", `invalid scope: ${scope}`);
  const request: TagsRequest = {
    kind: "tags",
    tenant,
    scope,
    query: narrowingFilter(query.get("q") ?? "", rules.maxQueryBytes),
    ...queryRange(query, nowMs, rules),
  };
  checkStale(query);
  return { request, limit: parseLimit(query) };
}

/** `tag` is a TraceQL identifier (v2). */
export function parseTagValuesParams(
  tag: string,
  query: URLSearchParams,
  caller: { readonly tenant: string; readonly nowMs: number; readonly bytesMax: number },
  rules: TimeRules & { readonly maxQueryBytes: number },
): TagValuesRequest {
  checkTag(tag);
  checkStale(query);
  return {
    kind: "tag_values",
    tenant: caller.tenant,
    tag,
    query: narrowingFilter(query.get("q") ?? "", rules.maxQueryBytes),
    ...queryRange(query, caller.nowMs, rules),
    limit: parseLimit(query),
    bytesMax: caller.bytesMax,
  };
}

/** The identifier for a bare name (v1); a few names stand for intrinsics. */
export function tagOfBareName(name: string): string {
  const intrinsics: Readonly<Record<string, string>> = {
    "name": "name",
    "rootName": "rootName",
    "root.name": "rootName",
    "rootServiceName": "rootServiceName",
    "status.code": "status",
    "root.service.name": "rootServiceName",
  };
  return Object.hasOwn(intrinsics, name) ? intrinsics[name]! : attributeName(name);
}

function parseLimit(query: URLSearchParams): number {
  const text = query.get("limit") ?? "";
  return text === "" ? 0 : named("limit", () => Number(parseUint(text, 32)));
}

/** Accepted for old clients; every value is looked at, so there is nothing to stop early. */
function checkStale(query: URLSearchParams): void {
  const text = query.get("maxStaleValues") ?? "";
  if (text !== "") named("maxStaleValues", () => parseUint(text, 32));
}
