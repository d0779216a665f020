// Requests that are known to hurt and are refused by their path and query, whichever way they come.
import { InputError } from "../lib/errors.ts";
import type { ApiOptions } from "./options.ts";

export function denyList({ urlDenyList }: ApiOptions): readonly RegExp[] {
  return urlDenyList.map((pattern) => new RegExp(pattern));
}

export function refuseDenied(target: string, denied: readonly RegExp[]): void {
  if (!denied.some((pattern) => pattern.test(target))) return;
  throw new InputError(
    "invalid_argument",
    `Invalid request ${target}. This query has been identified as one that destabilizes our ` +
      "system. Contact your system administrator for more information",
  );
}
