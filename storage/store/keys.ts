// Which keys an object may have. Rule: no key names anything outside its store, or the same thing as
// another key.
import { InputError } from "../../lib/errors.ts";

/** Objects below this first segment are a store's own. */
export const RESERVED = ".unfinished";

export function checkKey(key: string): void {
  const segments = key.split("/");
  const isFine = segments.every((segment) => segment !== "" && segment !== "." && segment !== "..");
  if (isFine && !key.includes("\0") && segments[0] !== RESERVED) return;
  throw new InputError("invalid_argument", `object key ${JSON.stringify(key)} is not one`);
}

/** A prefix may end in the middle of a segment, or with `/`, and may be empty. */
export function checkPrefix(prefix: string): void {
  const folder = prefix.slice(0, Math.max(0, prefix.lastIndexOf("/")));
  if (folder !== "") checkKey(folder);
  else if (prefix.startsWith("/") || prefix.includes("\0")) {
    throw new InputError("invalid_argument", `prefix ${JSON.stringify(prefix)} is not one`);
  }
}
