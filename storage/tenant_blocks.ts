// The blocks of one tenant as lists that never change, and what follows from one block about another.
// Rule: a merged block takes the place of its inputs at the moment it is visible, marked or not.
import type { BlockMeta } from "../model/block_meta.ts";
import { redundantTwins } from "./twins.ts";

export interface TenantBlocks {
  /** Newest end first. */
  readonly live: readonly BlockMeta[];
  /** Superseded; their objects stay until retention takes them. */
  readonly compacted: readonly BlockMeta[];
}

export const NO_BLOCKS: TenantBlocks = Object.freeze({ live: [], compacted: [] });

export function isWithoutBlocks({ live, compacted }: TenantBlocks): boolean {
  return live.length + compacted.length === 0;
}

export function blocksOf(
  live: readonly BlockMeta[],
  compacted: readonly BlockMeta[],
): TenantBlocks {
  return { live: newestFirst(live), compacted: newestFirst(compacted) };
}

/** The same value if nothing changes. */
export function withoutRetired(
  blocks: TenantBlocks,
  isRetired: (blockId: string) => boolean,
): TenantBlocks {
  const retired = blocks.live.filter(({ blockID }) => isRetired(blockID));
  if (retired.length === 0) return blocks;
  return blocksOf(
    blocks.live.filter(({ blockID }) => !isRetired(blockID)),
    [...blocks.compacted, ...retired],
  );
}

/** Ids of blocks that others say they were merged from, and of live ones that a twin makes superfluous. */
export function replacedIds({ live, compacted }: TenantBlocks): Set<string> {
  const replaced = new Set([...live, ...compacted].flatMap(({ replaces = [] }) => replaces));
  for (const id of redundantTwins(live, compacted)) replaced.add(id);
  return replaced;
}

function newestFirst(metas: readonly BlockMeta[]): readonly BlockMeta[] {
  const endMs = new Map(metas.map((meta) => [meta, Date.parse(meta.endTime)]));
  return Object.freeze(
    metas.toSorted((a, b) => endMs.get(b)! - endMs.get(a)! || (a.blockID < b.blockID ? -1 : 1)),
  );
}
