// Durations as TraceQL spells them: `1h30m`, `1.5s`, `7d`. Exact in nanoseconds.
// Units: those of Go (ns us µs ms s m h) and of Prometheus (d w y: 24 h, 7 days, 365 days).

const SECOND = 1_000_000_000n;

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  "µs": 1_000n, // U+00B5
  "μs": 1_000n, // U+03BC
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
  d: 24n * 3600n * SECOND,
  w: 7n * 24n * 3600n * SECOND,
  y: 365n * 24n * 3600n * SECOND,
};

const PART = /([0-9]*)(?:\.([0-9]*))?([nuµμmshdwy]+)/y;

/** Nanoseconds, or undefined if the text is not a duration. Fractions of a nanosecond are cut. */
export function parseDuration(text: string): bigint | undefined {
  if (text === "" || text.length > 100) return undefined;
  let nano = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return undefined;
    const [, whole = "", fraction = "", unitText = ""] = part;
    const unit = UNITS[unitText];
    if (unit === undefined || whole + fraction === "") return undefined;
    nano += BigInt(whole || "0") * unit;
    if (fraction !== "") nano += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
  }
  return nano;
}

/** As Go prints durations: `1h0m0s`, `1.5s`, `500ms`, `0s`. */
export function printDuration(nano: bigint): string {
  if (nano === 0n) return "0s";
  if (nano < 0n) return `-${printDuration(-nano)}`;
  if (nano < 1_000n) return `${nano}ns`;
  if (nano < 1_000_000n) return `${decimal(nano, 3)}µs`;
  if (nano < SECOND) return `${decimal(nano, 6)}ms`;
  const minutes = nano / (60n * SECOND);
  const seconds = `${decimal(nano % (60n * SECOND), 9)}s`;
  if (minutes === 0n) return seconds;
  if (minutes < 60n) return `${minutes}m${seconds}`;
  return `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `value / 10^digits` without trailing zeros. */
function decimal(value: bigint, digits: number): string {
  const scale = 10n ** BigInt(digits);
  const fraction = (value % scale).toString().padStart(digits, "0").replace(/0+$/, "");
  const whole = (value / scale).toString();
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
