// Instants to the nanosecond as RFC 3339 writes them, and as seconds and nanoseconds.
// Rule: what is written is UTC without trailing zeros, so that one instant has one text.

export interface Instant {
  /** Since the Unix epoch; negative before it. */
  readonly seconds: number;
  /** 0 to 999,999,999, forward from the second. */
  readonly nanos: number;
}

const FORM = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/;

/** Undefined if the text is no instant. */
export function parseInstant(text: string): Instant | undefined {
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [, date, time, fraction = "", zone] = parts;
  const ms = Date.parse(`${date}T${time}${zone!.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  return { seconds: ms / 1000, nanos: Number(fraction.padEnd(9, "0")) };
}

/** For years 0 to 9999; RangeError beyond. */
export function formatInstant({ seconds, nanos }: Instant): string {
  const whole = new Date(seconds * 1000).toISOString();
  if (whole.length !== 24) throw new RangeError(`year of ${whole}`);
  const fraction = nanos === 0 ? "" : `.${String(nanos).padStart(9, "0").replace(/0+$/, "")}`;
  return `${whole.slice(0, 19)}${fraction}Z`;
}
