// A bound on the depth of trees, so that everyone who walks one may recurse.
// Walked with a list of its own: it is the one walk that may meet a tree that is too deep.
import type { Position, RootExpr } from "./ast.ts";
import { parseError } from "./refusal.ts";

export const DEPTH_MAX = 1000;

export function checkDepth(root: RootExpr): void {
  const pending: { readonly value: object; readonly depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.depth > DEPTH_MAX) {
      const { at } = next.value as { at?: Position };
      throw parseError(at ?? { line: 1, column: 1 }, `query is nested deeper than ${DEPTH_MAX}`);
    }
    const isNode = "node" in next.value;
    for (const value of Object.values(next.value)) {
      if (typeof value !== "object" || value === null) continue;
      // Lists of stages and the like are no level of their own.
      pending.push({ value, depth: next.depth + (isNode ? 1 : 0) });
    }
  }
}
