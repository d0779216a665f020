// The parameters of api_v3 over HTTP: camel case by the book, snake case as older clients write them.
// Times are RFC 3339, durations Go's.
import { InputError } from "../../lib/errors.ts";
import { parseTimestamp } from "../metrics_times.ts";
import type { NanoWindow } from "./jaeger_query.ts";
import type { TraceQuery } from "./trace_query.ts";
import { durationOf, jsonTags, limitOf } from "./v1_params.ts";

export function parseV3Query(params: URLSearchParams): TraceQuery {
  const query = new URLSearchParams(
    [...params].map(([name, value]) => [camelCase(name.replace(/^query\./, "")), value]),
  );
  if (query.get("filter")) throw refused("query.filter is not supported");
  const attributes = query.get("attributes") ?? "";
  const window = checkWindow({
    startNano: timeOf(query, "startTimeMin"),
    endNano: timeOf(query, "startTimeMax"),
  });
  return {
    service: query.get("serviceName") ?? "",
    operation: query.get("operationName") ?? "",
    tags: new Map(attributes === "" ? [] : jsonTags(attributes, "query.attributes")),
    ...window,
    minDurationNano: durationOf(query, "durationMin"),
    maxDurationNano: durationOf(query, "durationMax"),
    limit: limitOf(query.get("searchDepth") ?? query.get("numTraces") ?? ""),
  };
}

export function checkWindow(window: NanoWindow): NanoWindow {
  if (window.startNano === 0n || window.endNano === 0n) {
    throw refused("query.startTimeMin and query.startTimeMax are required");
  }
  if (window.startNano < window.endNano) return window;
  throw refused("query.startTimeMin must be before query.startTimeMax");
}

function timeOf(query: URLSearchParams, name: string): bigint {
  // A plus that was not escaped arrives as a space.
  const text = (query.get(name) ?? "").replace(" ", "+");
  if (text === "") return 0n;
  try {
    if (!text.includes("T")) throw refused("expected RFC 3339");
    return parseTimestamp(text);
  } catch (error) {
    throw refused(`malformed parameter query.${name}: ${(error as Error).message}`);
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function refused(why: string): InputError {
  return new InputError("invalid_argument", why);
}
