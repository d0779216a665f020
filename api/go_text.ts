// Numbers, durations and flags as the peer reads them, with its words for what it refuses: clients
// and their tests match on these texts.
import { InputError } from "../lib/errors.ts";

/** Unsigned decimal of at most `bits` bits. */
export function parseUint(text: string, bits: 32 | 64): bigint {
  return parseInteger(text, /^[0-9]+$/, "ParseUint", 0n, (1n << BigInt(bits)) - 1n);
}

export function parseInt64(text: string, goFunction: "ParseInt" | "Atoi" = "ParseInt"): bigint {
  return parseInteger(text, /^[+-]?[0-9]+$/, goFunction, -(1n << 63n), (1n << 63n) - 1n);
}

export function parseBool(text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new InputError(
    "invalid_argument",
    `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function parseInteger(
  text: string,
  syntax: RegExp,
  goFunction: string,
  min: bigint,
  max: bigint,
): bigint {
  const refuse = (why: string) =>
    new InputError(
      "invalid_argument",
      `strconv.${goFunction}: parsing ${JSON.stringify(text)}: ${why}`,
    );
  if (!syntax.test(text)) throw refuse("invalid syntax");
  const value = BigInt(text.replace(/^\+/, ""));
  if (value < min || value > max) throw refuse("value out of range");
  return value;
}

const GO_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "µs": 1e3,
  "μs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const PROMETHEUS_UNITS: Readonly<Record<string, number>> = {
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
  w: 604_800e9,
  y: 31_536_000e9,
};

/** `1.5h`, `300ms`: nanoseconds. */
export function parseGoDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign, rest] = /^([+-]?)(.*)$/s.exec(text)!;
  if (rest === "0") return 0;
  if (!/^([0-9]+\.?[0-9]*|\.[0-9]+)/.test(rest!)) {
    throw new InputError("invalid_argument", `time: invalid duration ${quoted}`);
  }
  const nano = sumOfParts(
    rest!,
    /([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)/y,
    GO_UNITS,
    (unit) =>
      unit === ""
        ? `time: missing unit in duration ${quoted}`
        : `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`,
  );
  return sign === "-" ? -nano : nano;
}

/** `1h30m`, `7d`: nanoseconds; whole numbers only. */
export function parsePrometheusDuration(text: string): number {
  const quoted = JSON.stringify(text);
  if (text === "0") return 0;
  if (text === "") throw new InputError("invalid_argument", "empty duration string");
  if (!/^([0-9]+[^0-9]+)+$/.test(text)) {
    throw new InputError("invalid_argument", `not a valid duration string: ${quoted}`);
  }
  return sumOfParts(
    text,
    /([0-9]+)([^0-9]+)/y,
    PROMETHEUS_UNITS,
    (unit) => `unknown unit ${JSON.stringify(unit)} in duration ${quoted}`,
  );
}

function sumOfParts(
  text: string,
  part: RegExp,
  units: Readonly<Record<string, number>>,
  complaint: (unit: string) => string,
): number {
  let sum = 0;
  for (part.lastIndex = 0; part.lastIndex < text.length;) {
    const match = part.exec(text);
    const unit = match === null ? undefined : units[match[2]!];
    if (match === null || unit === undefined) {
      throw new InputError("invalid_argument", complaint(match?.[2] ?? text));
    }
    sum += Number(match[1]) * unit;
  }
  return sum;
}

/** `168h0m0s`, `1m30s`, `250ms`. */
export function printGoDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 1000) return `${ms}ms`;
  const seconds = `${ms % 60_000 / 1000}s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes === 0) return seconds;
  return minutes < 60
    ? `${minutes}m${seconds}`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

/** `k=v k2="v 2"`; a key alone has the value "". */
export function parseLogfmt(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const refuse = (what: string) => new InputError("invalid_argument", what);
  const token = /\s*(?:([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"=]*)))?|(.))/gys;
  for (const match of text.trimEnd().matchAll(token)) {
    const [all, key, quoted, bare, stray] = match;
    if (stray !== undefined) {
      throw refuse(`unexpected '${stray}' at pos ${match.index + all.length}`);
    }
    if (pairs.has(key!)) throw refuse(`tag ${key} has been set twice`);
    pairs.set(key!, quoted === undefined ? bare ?? "" : unquote(quoted));
  }
  return pairs;
}

function unquote(text: string): string {
  return text.replace(
    /\\(.)/gs,
    (_, char: string) => ({ n: "\n", t: "\t", r: "\r" })[char] ?? char,
  );
}
