// How many bytes of blocks a query may read: what the query says of itself, `with (max_bytes=…)`, and what
// its tenant may. The lower one holds.
import { InputError } from "../lib/errors.ts";
import type { RootExpr } from "../query/traceql/mod.ts";

export function readBudget(root: RootExpr, ofTenant: number): { readonly readBytesMax?: number } {
  const bytes = lower(root, ofTenant);
  return bytes > 0 ? { readBytesMax: bytes } : {};
}

/** 0: no bound. */
function lower({ hints }: RootExpr, ofTenant: number): number {
  const hint = hints.find(({ name }) => name === "max_bytes")?.value;
  if (hint !== undefined && (hint.type !== "int" || hint.value < 0n)) {
    throw new InputError("invalid_argument", "hint max_bytes: must be a number of bytes");
  }
  const own = Number(hint?.value ?? 0);
  return own === 0 ? ofTenant : ofTenant === 0 ? own : Math.min(own, ofTenant);
}
