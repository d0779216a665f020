// The flags of one call, as their commands want them. Rule: a value that is not of its kind is refused
// with the flag's name and the value.

import { InputError } from "../../lib/errors.ts";
import { parseDuration } from "../config/units.ts";

export type RawFlags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export class FlagValues {
  constructor(readonly raw: RawFlags, readonly nowMs: number) {}

  has(name: string): boolean {
    return this.raw[name] !== undefined && this.raw[name] !== false;
  }

  text(name: string): string | undefined {
    const value = this.raw[name];
    return typeof value === "string" ? value : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.raw[name];
    return Array.isArray(value) ? value : [];
  }

  natural(name: string, otherwise: number): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw refused(name, "a whole number", text);
  }

  /** `2%` or `0.02`. */
  share(name: string, otherwise: number): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const parts = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
    const value = Number(parts?.[1]) / (parts?.[2] === "%" ? 100 : 1);
    if (parts !== null && value <= 1) return value;
    throw refused(name, "a share such as 2% or 0.02", text);
  }

  /** Unix seconds, from an RFC 3339 time, Unix seconds, or a duration ago such as `1h`. */
  seconds(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,11}$/.test(text)) return Number(text);
    const agoMs = parseDuration(text);
    if (agoMs !== undefined) return Math.floor((this.nowMs - agoMs) / 1000);
    const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
    if (!Number.isNaN(ms)) return Math.floor(ms / 1000);
    throw refused(name, "a time such as 2026-01-31T12:00:00Z, 1769860800 or 1h (ago)", text);
  }
}

function refused(name: string, wanted: string, text: string): InputError {
  return new InputError(
    "invalid_argument",
    `flag --${name}: expected ${wanted}, not ${JSON.stringify(text)}`,
  );
}
