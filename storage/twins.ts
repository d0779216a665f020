// Blocks that were merged from the same blocks: two workers have done one job, because the first was
// believed dead. Both hold all of its spans, so one is enough.
// Rule: of twins the one counts that has itself been merged into another, else the one with the least id;
// every reader of the store comes to the same choice, in whatever order the twins became visible.
import type { BlockMeta } from "../model/block_meta.ts";

/** Ids of live blocks that a twin makes superfluous. */
export function redundantTwins(
  live: readonly BlockMeta[],
  compacted: readonly BlockMeta[],
): ReadonlySet<string> {
  const metas = [...live, ...compacted].filter(({ replaces = [] }) => replaces.length > 0);
  const redundant = new Set<string>();
  const litters = Map.groupBy(metas, ({ replaces }) => [...replaces!].sort().join());
  if (litters.size === metas.length) return redundant;
  const merged = new Set(metas.flatMap(({ replaces }) => replaces!));
  for (const litter of litters.values()) {
    if (litter.length === 1) continue;
    const ids = litter.map(({ blockID }) => blockID).sort();
    const chosen = ids.find((id) => merged.has(id)) ?? ids[0]!;
    for (const id of ids) if (id !== chosen) redundant.add(id);
  }
  for (const { blockID } of compacted) redundant.delete(blockID);
  return redundant;
}
