// The time of a metrics query: `start`, `end`, `since` and `step`, in nanoseconds. Times may be seconds,
// fractions of them, nanoseconds or RFC 3339; a step is seconds or a duration.
import { InputError } from "../lib/errors.ts";
import { parseGoDuration, parseInt64, parsePrometheusDuration } from "./go_text.ts";

export interface NanoTimes {
  readonly startNano: bigint;
  readonly endNano: bigint;
}

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;
const SINCE_DEFAULT = 3600n * SECOND;

/** An hour up to now, as far as nothing else is said. */
export function metricsTimes(query: URLSearchParams, nowMs: number): NanoTimes {
  const nowNano = BigInt(nowMs) * MILLISECOND;
  const endNano = timestamp(query, "end") ?? nowNano;
  const since = query.get("since") ?? "";
  const sinceNano = since === ""
    ? SINCE_DEFAULT
    : told("since", () => BigInt(parsePrometheusDuration(since)));
  const last = endNano < nowNano ? endNano : nowNano;
  return { startNano: timestamp(query, "start") ?? last - sinceNano, endNano };
}

function timestamp(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name) ?? "";
  return text === "" ? undefined : told(name, () => parseTimestamp(text));
}

/** Unix nanoseconds. */
export function parseTimestamp(text: string): bigint {
  if (/^[+-]?[0-9]*\.[0-9]*$/.test(text) && /[0-9]/.test(text)) {
    return BigInt(Math.round(Number(text) * 1000)) * MILLISECOND;
  }
  if (/^[+-]?[0-9]+$/.test(text)) {
    const value = parseInt64(text);
    return text.length <= 10 ? value * SECOND : value;
  }
  return parseRfc3339(text) ?? parseInt64(text); // which says what it is not
}

const RFC_3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

function parseRfc3339(text: string): bigint | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, whole, fraction = "", zone] = match;
  const ms = Date.parse(`${whole}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * MILLISECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
}

/** Undefined where none was given. */
export function parseStep(query: URLSearchParams): bigint | undefined {
  const text = query.get("step") ?? "";
  if (text === "") return undefined;
  const refuse = (why: string) => refused(`cannot parse ${JSON.stringify(text)}${why}`);
  let nano: number;
  if (/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) nano = Number(text) * 1e9;
  else {
    try {
      nano = parseGoDuration(text);
    } catch {
      throw refuse(" to a valid duration");
    }
  }
  if (nano < 0) throw refuse(": step must be positive");
  if (nano > Number.MAX_SAFE_INTEGER) throw refuse(" to a valid duration");
  return BigInt(Math.round(nano));
}

function told<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw refused(`could not parse '${name}' parameter: ${(error as Error).message}`);
  }
}

/** What is wrong with these parameters comes in the words of the peer's inner call. */
function refused(why: string): InputError {
  return new InputError("invalid_argument", `rpc error: code = Code(400) desc = ${why}`);
}
