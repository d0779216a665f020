// The time a query is about, from `start`, `end` and `since`.
// Rule: what has been acknowledged is searchable, so nothing is cut off at the new end and an
// un-ranged query has no bound, unless the options say otherwise (docs/adr/0003-query-window.md).
import { InputError } from "../lib/errors.ts";
import { parseInt64, parsePrometheusDuration, parseUint } from "./go_text.ts";

/** Unix seconds; 0 and 0: no bound. */
export interface TimeRange {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

export interface TimeRules {
  readonly queryEndCutoffMs: number;
  readonly queryBackendAfterMs: number;
}

export const UNBOUNDED: TimeRange = { startSeconds: 0, endSeconds: 0 };

/** The range of a search, of tags or of tag values. */
export function queryRange(query: URLSearchParams, nowMs: number, rules: TimeRules): TimeRange {
  const newestMs = nowMs - rules.queryEndCutoffMs;
  const since = query.get("since") ?? "";
  if (since !== "") return sinceRange(since, newestMs);
  const hasStart = hasValue(query, "start");
  const hasEnd = hasValue(query, "end");
  if (hasStart !== hasEnd) {
    throw dateRangeError("only one of start and end provided: must provide both or neither");
  }
  if (!hasStart) return recentRange(newestMs, rules);
  const startSeconds = seconds(query, "start");
  const endSeconds = seconds(query, "end");
  if (endSeconds <= startSeconds) throw startNotBeforeEnd(startSeconds, endSeconds);
  if (rules.queryEndCutoffMs === 0) return { startSeconds, endSeconds };
  const clampedEnd = Math.min(endSeconds, Math.floor(newestMs / 1000));
  if (startSeconds <= clampedEnd) return { startSeconds, endSeconds: clampedEnd };
  return recentRange(newestMs, rules);
}

/** `start` and `end` as a search spells them: they must fit 32 bits, and their order is checked first. */
export function checkSearchTimes(query: URLSearchParams): void {
  const [start, end] = ["start", "end"].map((name) =>
    hasValue(query, name) ? named(name, () => Number(parseUint(query.get(name)!, 32))) : 0
  ) as [number, number];
  if (start !== 0 && end <= start) throw startNotBeforeEnd(start, end);
}

/** A hint where to look for a trace; checked, for which both must be set. */
export function traceTimes(query: URLSearchParams): TimeRange {
  const range = { startSeconds: seconds(query, "start"), endSeconds: seconds(query, "end") };
  const { startSeconds, endSeconds } = range;
  if (startSeconds !== 0 && endSeconds !== 0 && endSeconds <= startSeconds) {
    throw startNotBeforeEnd(startSeconds, endSeconds);
  }
  return range;
}

/** Runs a parser; what it refuses is told with the parameter's name. */
export function named<T>(name: string, parse: () => T, words = "invalid"): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.code, `${words} ${name}: ${error.message}`);
  }
}

function sinceRange(since: string, newestMs: number): TimeRange {
  let sinceNano: number;
  try {
    sinceNano = parsePrometheusDuration(since);
  } catch (error) {
    throw dateRangeError(`could not parse 'since' parameter: ${(error as Error).message}`);
  }
  // The second that is running belongs to the range.
  const endSeconds = Math.ceil(newestMs / 1000);
  return { startSeconds: Math.max(1, Math.floor(newestMs / 1000 - sinceNano / 1e9)), endSeconds };
}

function recentRange(newestMs: number, rules: TimeRules): TimeRange {
  if (rules.queryBackendAfterMs === 0) return UNBOUNDED;
  return {
    startSeconds: Math.floor((newestMs - rules.queryBackendAfterMs) / 1000),
    endSeconds: Math.ceil(newestMs / 1000),
  };
}

function seconds(query: URLSearchParams, name: string): number {
  if (!hasValue(query, name)) return 0;
  return named(name, () => Number(parseInt64(query.get(name)!)));
}

function hasValue(query: URLSearchParams, name: string): boolean {
  return (query.get(name) ?? "") !== "";
}

function dateRangeError(message: string): InputError {
  return new InputError("invalid_argument", `error parsing date range: ${message}`);
}

function startNotBeforeEnd(start: number, end: number): InputError {
  return new InputError(
    "invalid_argument",
    `http parameter start must be before end. received start=${start} end=${end}`,
  );
}
