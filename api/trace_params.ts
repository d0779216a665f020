// The parameters of a trace by id.
import { InputError } from "../lib/errors.ts";
import { traceTimes } from "./time_range.ts";

/** 16 bytes of an id of 1 to 32 hex digits, with zeros before it where it is shorter. */
export function parseTraceId(text: string): Uint8Array {
  const at = text.search(/[^0-9A-Fa-f]/);
  if (at >= 0) {
    throw new InputError(
      "invalid_argument",
      "trace IDs can only contain hex characters: " +
        `invalid character '${String.fromCodePoint(text.codePointAt(at)!)}' at position ${at + 1}`,
    );
  }
  if (text.length > 32) {
    throw new InputError("invalid_argument", "trace IDs can't be larger than 128 bits");
  }
  return Uint8Array.fromHex(text.padStart(32, "0"));
}

/**
 * Refuses what cannot be meant. Times, mode and block range are hints that save work elsewhere; here
 * a lookup by id is cheap enough to look everywhere.
 */
export function checkTraceParams(query: URLSearchParams): void {
  traceTimes(query);
  const mode = query.get("mode") ?? "";
  if (mode === "external") {
    throw new InputError("invalid_argument", "external mode is not enabled");
  }
  if (!["", "all", "ingesters", "blocks"].includes(mode)) {
    throw new InputError("invalid_argument", `invalid value for mode ${mode}`);
  }
  checkUuid(query, "blockStart");
  checkUuid(query, "blockEnd");
}

function checkUuid(query: URLSearchParams, name: string): void {
  const text = query.get(name) ?? "";
  if (text === "" || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return;
  const why = text.length === 36 ? "invalid UUID format" : `invalid UUID length: ${text.length}`;
  throw new InputError("invalid_argument", `invalid value for ${name.toLowerCase()}: ${why}`);
}
