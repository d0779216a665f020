// Which attributes deserve a column of their own, from what they cost.
// Rule: per scope and type no more than the format has columns, and of those that take their part of
// the scope's attributes the dearest, if a column takes no more; an attribute is suggested with one
// type, that of most values.

import type { DedicatedColumnMeta } from "../../model/block_meta.ts";
import type { BlockAnalysis, ScopedUse } from "./analyse_block.ts";

export interface SuggestRules {
  /** Of what all attributes of the scope take; below it a column is not worth its place. */
  readonly minShare: number;
  /** Of the scope's resources, spans or events: what hardly anybody has needs no column. */
  readonly minOwners: number;
  /** A dictionary larger than this in one row group, mostly of strings that occur once: a blob. */
  readonly blobDictionaryBytes: number;
}

export const defaultSuggestRules: SuggestRules = {
  minShare: 0.02,
  minOwners: 0.01,
  blobDictionaryBytes: 1 << 20,
};

/** The format's. */
const COLUMNS_MAX = { string: 20, int: 5 } as const;
/** Distinct strings per value from which a dictionary is no more than a detour. */
const MOSTLY_DISTINCT = 0.5;

export interface SuggestedColumn {
  readonly use: ScopedUse;
  readonly column: DedicatedColumnMeta;
}

/** By scope and then dearest first. */
export function suggestColumns(
  { scopes, attributes }: BlockAnalysis,
  rules: SuggestRules,
): SuggestedColumn[] {
  return scopes.flatMap(({ scope, owners }) => {
    const uses = attributes.filter((use) => use.scope === scope);
    const allBytes = uses.reduce((bytes, use) => bytes + use.bytesInAttrs, 0);
    const worthy = onePerKey(uses).filter((use) =>
      use.owners > 0 && use.owners >= owners * rules.minOwners &&
      use.bytesInAttrs >= allBytes * rules.minShare &&
      use.bytesAsColumn > 0 && columnBytes(use, rules) <= use.bytesInAttrs
    );
    return (["string", "int"] as const).flatMap((type) =>
      worthy.filter((use) => use.type === type)
        .sort((a, b) => b.bytesInAttrs - a.bytesInAttrs || (a.key < b.key ? -1 : 1))
        .slice(0, COLUMNS_MAX[type])
        .map((use) => ({ use, column: columnOf(use, rules) }))
    );
  });
}

export function isBlob(use: ScopedUse, rules: SuggestRules): boolean {
  return use.type === "string" && use.dictionaryBytesMax > rules.blobDictionaryBytes &&
    use.distinct >= use.values * MOSTLY_DISTINCT;
}

/** As the column that it would be suggested as. */
export function columnBytes(use: ScopedUse, rules: SuggestRules): number {
  return isBlob(use, rules) && use.bytesAsBlob > 0 ? use.bytesAsBlob : use.bytesAsColumn;
}

function onePerKey(uses: readonly ScopedUse[]): ScopedUse[] {
  const best = new Map<string, ScopedUse>();
  for (const use of uses) {
    if (use.type !== "string" && use.type !== "int") continue;
    const known = best.get(use.key);
    if (known === undefined || use.values > known.values) best.set(use.key, use);
  }
  return [...best.values()];
}

function columnOf(use: ScopedUse, rules: SuggestRules): DedicatedColumnMeta {
  const options: ("array" | "blob")[] = [];
  if (use.arrays > 0) options.push("array");
  if (isBlob(use, rules)) options.push("blob");
  return {
    s: use.scope,
    n: use.key,
    t: use.type as "string" | "int",
    ...options.length === 0 ? {} : { o: options },
  };
}
