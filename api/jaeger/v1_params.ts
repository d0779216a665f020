// The parameters of Jaeger's HTTP API of old, with its words for what it refuses. Times are microseconds.
import { InputError } from "../../lib/errors.ts";
import { parseGoDuration } from "../go_text.ts";
import { parseTraceId } from "../trace_params.ts";
import { LIMIT_DEFAULT, LIMIT_MAX, type NanoWindow } from "./jaeger_query.ts";
import type { TraceQuery } from "./trace_query.ts";

/** Of a search: either ids or a question. */
export type V1Search = { readonly traceIds: readonly Uint8Array[] } | {
  readonly query: TraceQuery;
};

export function parseV1Search(params: URLSearchParams, nowMs: number): V1Search {
  const traceIds = params.getAll("traceID").filter((id) => id !== "").map(parseTraceId);
  if (traceIds.length > 0) return { traceIds };
  const service = params.get("service") ?? "";
  if (service === "") throw refused("parameter 'service' is required");
  const [minDurationNano, maxDurationNano] = [
    durationOf(params, "minDuration"),
    durationOf(params, "maxDuration"),
  ];
  if (maxDurationNano !== 0n && minDurationNano > maxDurationNano) {
    throw refused("'maxDuration' should be greater than 'minDuration'");
  }
  return {
    query: {
      service,
      operation: params.get("operation") ?? "",
      tags: tagsOf(params),
      ...windowOf(microsOf(params, "start"), microsOf(params, "end"), nowMs),
      minDurationNano,
      maxDurationNano,
      limit: limitOf(params.get("limit") ?? ""),
    },
  };
}

/** `endTs` and `lookback`, in milliseconds: up to now and a day back, if nothing is said. */
export function parseDependencyWindow(params: URLSearchParams, nowMs: number): NanoWindow {
  const numberOf = (name: string, otherwise: number) => {
    const text = params.get(name) ?? "";
    if (text === "") return otherwise;
    if (/^[0-9]{1,15}$/.test(text)) return Number(text);
    throw refused(`unable to parse param '${name}': ${JSON.stringify(text)}`);
  };
  const endMs = numberOf("endTs", nowMs);
  const startMs = Math.max(0, endMs - numberOf("lookback", 86_400_000));
  return { startNano: BigInt(startMs) * 1_000_000n, endNano: BigInt(endMs) * 1_000_000n };
}

/** Both, one with now or the beginning for the other, or no bound. */
export function windowOf(startNano: bigint, endNano: bigint, nowMs: number): NanoWindow {
  if (startNano === 0n && endNano === 0n) return { startNano, endNano };
  const end = endNano === 0n ? BigInt(nowMs) * 1_000_000n : endNano;
  return { startNano, endNano: end };
}

export function limitOf(text: string): number {
  if (text === "" || text === "0") return LIMIT_DEFAULT;
  if (!/^[0-9]{1,9}$/.test(text)) {
    throw refused(`unable to parse param 'limit': ${JSON.stringify(text)}`);
  }
  return Math.min(Number(text), LIMIT_MAX);
}

/** `tag=key:value`, as often as one likes, and `tags={"key":"value"}`. */
function tagsOf(params: URLSearchParams): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of params.getAll("tag")) {
    const colon = tag.indexOf(":");
    if (colon < 0) {
      throw refused(`malformed 'tag' parameter, expecting key:value, received: ${tag}`);
    }
    tags.set(tag.slice(0, colon), tag.slice(colon + 1));
  }
  for (const text of params.getAll("tags")) {
    if (text !== "") { for (const [key, value] of jsonTags(text, "tags")) tags.set(key, value); }
  }
  return tags;
}

/** An object of texts; other scalars are taken for the texts they print as. */
export function jsonTags(text: string, name: string): [string, string][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw refused(
      `malformed '${name}' parameter, cannot unmarshal JSON: ${(error as Error).message}`,
    );
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw refused(`malformed '${name}' parameter, expecting an object`);
  }
  return Object.entries(parsed).map(([key, value]) => {
    if (typeof value === "object") {
      throw refused(`malformed '${name}' parameter, expecting text for ${JSON.stringify(key)}`);
    }
    return [key, String(value)];
  });
}

export function durationOf(params: URLSearchParams, name: string): bigint {
  const text = params.get(name) ?? "";
  if (text === "") return 0n;
  try {
    return BigInt(Math.round(parseGoDuration(text)));
  } catch (error) {
    throw refused(`unable to parse param '${name}': ${(error as Error).message}`);
  }
}

function microsOf(params: URLSearchParams, name: string): bigint {
  const text = params.get(name) ?? "";
  if (text === "") return 0n;
  if (!/^[0-9]{1,18}$/.test(text)) {
    throw refused(`unable to parse param '${name}': ${JSON.stringify(text)}`);
  }
  return BigInt(text) * 1000n;
}

function refused(why: string): InputError {
  return new InputError("invalid_argument", why);
}
