// Durations as the configuration writes them (Go's form, with days and weeks) and as the program
// keeps them: milliseconds.
// Rule: what cannot be read is undefined, never a guess; `formatDuration` is the inverse of
// `parseDuration` down to the nanosecond.

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86_400e3,
  w: 604_800e3,
};

const WHOLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d|w))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)/g;

/** Milliseconds, or undefined if the text is no duration. `0` needs no unit. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!WHOLE.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(PART)) ms += Number(amount) * UNITS_MS[unit!]!;
  return text.startsWith("-") ? -ms : ms;
}

/** `1h30m`, `5s`, `250ms`, `0s`; days and weeks are told in hours, as Go does. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let text = durationMs < 0 ? "-" : "";
  // Apart, because nanoseconds of a long duration would not fit a number.
  let ms = Math.floor(Math.abs(durationMs));
  const nanos = Math.round((Math.abs(durationMs) - ms) * 1e6);
  for (const unit of ["h", "m", "s", "ms"]) {
    const amount = Math.floor(ms / UNITS_MS[unit]!);
    if (amount > 0) text += amount + unit;
    ms -= amount * UNITS_MS[unit]!;
  }
  if (nanos >= 1000) text += Math.floor(nanos / 1000) + "us";
  if (nanos % 1000 > 0) text += nanos % 1000 + "ns";
  return text;
}
