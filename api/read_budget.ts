// How many bytes of blocks a query may read: what the query says of itself, `with (max_bytes=…)`, and what
// its tenant may. The lower one holds.
import { type Hint, refusal, type RootExpr } from "../query/traceql/mod.ts";

export function readBudget(root: RootExpr, ofTenant: number): { readonly readBytesMax?: number } {
  const bytes = lower(root, ofTenant);
  return bytes > 0 ? { readBytesMax: bytes } : {};
}

/** 0: no bound. */
function lower({ hints }: RootExpr, ofTenant: number): number {
  const own = hinted(hints.find(({ name }) => name === "max_bytes"));
  return own === 0 ? ofTenant : ofTenant === 0 ? own : Math.min(own, ofTenant);
}

function hinted(hint: Hint | undefined): number {
  if (hint === undefined) return 0;
  if (hint.value.type === "int" && hint.value.value >= 0n) return Number(hint.value.value);
  throw refusal(hint.at, "hint max_bytes: must be a number of bytes");
}
