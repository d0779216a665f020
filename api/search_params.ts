// The parameters of a search, as a request of the query engine.
import { InputError } from "../lib/errors.ts";
import type { SearchRequest } from "../query/engine/mod.ts";
import { parseGoDuration, parseLogfmt, parseUint, printGoDuration } from "./go_text.ts";
import { isExplained } from "./explanation.ts";
import { readBudget } from "./read_budget.ts";
import { parseCursor } from "./search_cursor.ts";
import type { ApiOptions, SearchOptions } from "./options.ts";
import { checkSearchQuery } from "./query_text.ts";
import { tagsQuery } from "./tags_query.ts";
import { checkSearchTimes, named, queryRange, type TimeRange } from "./time_range.ts";

export interface SearchParams {
  readonly request: SearchRequest;
  /** False where no `q` was given: such searches answer traces only. */
  readonly hasSpanSets: boolean;
}

export interface SearchCaller {
  readonly tenant: string;
  readonly nowMs: number;
  /** Of the tenant; 0: the option's. */
  readonly maxSearchDurationMs: number;
  readonly maxBytesPerQuery: number;
}

export function parseSearchParams(
  query: URLSearchParams,
  caller: SearchCaller,
  options: ApiOptions,
): SearchParams {
  const { search } = options;
  checkSearchTimes(query);
  const q = query.get("q") ?? "";
  const conditions = tagConditions(query, q);
  const limit = parseLimit(query, search);
  const spansPerSpanSet = parseSpss(query, search);
  const checked = checkSearchQuery(q === "" ? conditions : q, options.maxQueryBytes);
  const cursor = query.get("cursor");
  const range = queryRange(query, caller.nowMs, options);
  checkSpan(range, caller.maxSearchDurationMs || search.maxDurationMs);
  const request: SearchRequest = {
    kind: "search",
    tenant: caller.tenant,
    query: checked.text,
    limit,
    spansPerSpanSet,
    ...range,
    mostRecent: checked.isMostRecent || cursor !== null,
    ...readBudget(checked.root, caller.maxBytesPerQuery),
    ...(isExplained(query) && { isExplained: true }),
    ...(cursor !== null && { page: { after: parseCursor(cursor) } }),
  };
  return { request, hasSpanSets: q !== "" };
}

/** What the form without `q` asks for, as TraceQL. */
function tagConditions(query: URLSearchParams, q: string): string {
  const tagsText = query.get("tags") ?? "";
  if (q !== "" && tagsText !== "") {
    throw new InputError(
      "invalid_argument",
      "invalid request: can't specify tags and q in the same query",
    );
  }
  const tags = named("tags", () => parseLogfmt(tagsText));
  if (q === "" && tagsText === "" && !query.has("start") && !query.has("end")) {
    for (const [name, value] of query) if (!KNOWN.has(name)) tags.set(name, value);
  }
  const [minNano, maxNano] = ["minDuration", "maxDuration"].map((name) =>
    query.get(name) ? named(name, () => parseGoDuration(query.get(name)!)) : 0
  ) as [number, number];
  if (maxNano !== 0 && minNano > maxNano) {
    throw new InputError(
      "invalid_argument",
      "invalid maxDuration: must be greater than minDuration",
    );
  }
  return tagsQuery(tags, minNano, maxNano);
}

const KNOWN = new Set([
  ...["q", "tags", "minDuration", "maxDuration", "limit", "start", "end", "since", "spss"],
  ...["cursor", "explain"],
]);

function parseLimit(query: URLSearchParams, { defaultLimit, maxLimit }: SearchOptions): number {
  const text = query.get("limit") ?? "";
  if (text === "") return defaultLimit;
  const limit = named("limit", () => Number(parseUint(text, 32)));
  if (limit === 0) {
    throw new InputError("invalid_argument", "invalid limit: must be a positive number");
  }
  if (maxLimit !== 0 && limit > maxLimit) {
    throw new InputError("invalid_argument", `limit ${limit} exceeds max limit ${maxLimit}`);
  }
  return limit;
}

/** Zero asks for all, which is as many as may be asked for. */
function parseSpss(query: URLSearchParams, { defaultSpss, maxSpss }: SearchOptions): number {
  const text = query.get("spss") ?? "";
  if (text === "") return defaultSpss;
  const spss = named("spss", () => Number(parseUint(text, 32)));
  if (maxSpss !== 0 && spss > maxSpss) {
    throw new InputError(
      "invalid_argument",
      `spans per span set exceeds ${maxSpss}. received ${spss}`,
    );
  }
  return spss === 0 ? maxSpss : spss;
}

function checkSpan({ startSeconds, endSeconds }: TimeRange, maxDurationMs: number): void {
  if (maxDurationMs === 0 || (endSeconds - startSeconds) * 1000 <= maxDurationMs) return;
  throw new InputError(
    "invalid_argument",
    `range specified by start and end exceeds ${printGoDuration(maxDurationMs)}. ` +
      `received start=${startSeconds} end=${endSeconds}`,
  );
}
