// Which blocks of a tenant are merged next. A pure function of the block list, the rules and the time.
//
//   window of a block = floor(end time / window length)
//
//   now ─┬─ running window ── active windows ──┬─ boundary ─┬─ older windows ──▶ past
//        │  a job needs        by level        │  left      │  all levels of a
//        │  all it may take                    │  alone     │  window together
//
// Rules: no block is in two jobs; the blocks of a job agree in window, format, dedicated columns and
// replication factor; a job has blocksMin to blocksMax blocks and stays within objectsMax and bytesMax.
// While a window still receives blocks only full jobs are made of it: pairs would be rewritten twice
// as often to the same end (docs/adr/0004-compaction.md).

import type { BlockFormat, BlockMeta } from "../../model/block_meta.ts";

export interface CompactionRules {
  readonly windowMs: number;
  readonly blocksMin: number;
  readonly blocksMax: number;
  readonly objectsMax: number;
  readonly bytesMax: number;
  /** Blocks of this level and above are left alone; 0: no such level. */
  readonly levelMax: number;
}

export interface CompactionJob {
  readonly tenant: string;
  /** Lowest level first, then smallest. */
  readonly inputs: readonly BlockMeta[];
}

/** So long windows are merged level by level. */
const ACTIVE_MS = 24 * 3_600_000;
/** What the writer can write again without moving an attribute out of its column. */
const FORMATS: ReadonlySet<string> = new Set<BlockFormat>(["vParquet5", "vParquet4"]);

/** Newest windows first. `isLeftAlone`: blocks in a job, flagged, damaged. */
export function planCompaction(
  blocks: readonly BlockMeta[],
  rules: CompactionRules,
  nowMs: number,
  isLeftAlone: (blockId: string) => boolean = () => false,
): CompactionJob[] {
  const candidates = blocks.filter((meta) =>
    FORMATS.has(meta.format) && !isLeftAlone(meta.blockID) &&
    (rules.levelMax === 0 || meta.compactionLevel < rules.levelMax)
  );
  const groups = Map.groupBy(candidates, (meta) => groupOf(meta, rules.windowMs, nowMs));
  groups.delete(undefined);
  return [...groups]
    .map(([, members]) => ({ window: windowOf(members[0]!, rules.windowMs), members }))
    .sort((a, b) => b.window - a.window || byLevelAndSize(leastOf(a.members), leastOf(b.members)))
    .flatMap(({ window, members }) => {
      const isRunning = window >= Math.floor(nowMs / rules.windowMs);
      return jobsOf(members, isRunning ? { ...rules, blocksMin: rules.blocksMax } : rules);
    });
}

/**
 * Blocks that were merged from some of the same blocks, by two that did not know of each other: until
 * they are merged themselves their common spans are visible twice, so they come before all else. What
 * does not fit into one job stays as it is until it expires.
 */
export function overlappingOutputs(
  blocks: readonly BlockMeta[],
  rules: CompactionRules,
): CompactionJob[] {
  const jobs: CompactionJob[] = [];
  const firstOf = new Map<string, BlockMeta>();
  const taken = new Set<BlockMeta>();
  for (const meta of [...blocks].sort(byLevelAndSize)) {
    const { replaces = [] } = meta;
    const other = replaces.map((id) => firstOf.get(id)).find((other) => other !== undefined);
    for (const id of replaces) if (!firstOf.has(id)) firstOf.set(id, meta);
    if (
      other === undefined || taken.has(other) || !FORMATS.has(meta.format) || !agree(meta, other)
    ) continue;
    const inputs = [other, meta];
    if (adjacent(inputs, 0, { ...rules, blocksMax: 2 }).length < 2) continue;
    inputs.forEach((input) => taken.add(input));
    jobs.push({ tenant: meta.tenantID, inputs });
  }
  return jobs;
}

/** How many blocks wait to be merged. */
export function outstandingBlocks(jobs: readonly CompactionJob[]): number {
  return jobs.reduce((sum, { inputs }) => sum + inputs.length, 0);
}

function jobsOf(members: BlockMeta[], rules: CompactionRules): CompactionJob[] {
  const sorted = members.sort(byLevelAndSize);
  const jobs: CompactionJob[] = [];
  for (let from = 0; from < sorted.length;) {
    const inputs = adjacent(sorted, from, rules);
    if (inputs.length >= Math.max(2, rules.blocksMin)) {
      jobs.push({ tenant: inputs[0]!.tenantID, inputs });
      from += inputs.length;
    } else from++;
  }
  return jobs;
}

function adjacent(sorted: readonly BlockMeta[], from: number, rules: CompactionRules): BlockMeta[] {
  let objects = 0;
  let bytes = 0;
  let to = from;
  for (; to < sorted.length && to - from < rules.blocksMax; to++) {
    objects += sorted[to]!.totalObjects;
    bytes += sorted[to]!.size;
    if (objects > rules.objectsMax || bytes > rules.bytesMax) break;
  }
  return sorted.slice(from, to);
}

/** Undefined: on the boundary between active and old, where it would soon belong elsewhere. */
function groupOf(meta: BlockMeta, windowMs: number, nowMs: number): string | undefined {
  const window = windowOf(meta, windowMs);
  const oldestActive = Math.floor((nowMs - ACTIVE_MS) / windowMs);
  if (window === oldestActive - 1) return undefined;
  const level = window >= oldestActive ? meta.compactionLevel : "any";
  const { replicationFactor, format, dedicatedColumns = [] } = meta;
  return JSON.stringify([window, level, replicationFactor, format, dedicatedColumns]);
}

function agree(a: BlockMeta, b: BlockMeta): boolean {
  const key = ({ format, replicationFactor, dedicatedColumns = [] }: BlockMeta) =>
    JSON.stringify([format, replicationFactor, dedicatedColumns]);
  return key(a) === key(b);
}

function windowOf({ endTime }: BlockMeta, windowMs: number): number {
  return Math.floor(Date.parse(endTime) / windowMs);
}

function byLevelAndSize(a: BlockMeta, b: BlockMeta): number {
  return a.compactionLevel - b.compactionLevel || a.size - b.size ||
    (a.blockID < b.blockID ? -1 : a.blockID > b.blockID ? 1 : 0);
}

function leastOf(members: readonly BlockMeta[]): BlockMeta {
  return members.reduce((least, meta) => byLevelAndSize(meta, least) < 0 ? meta : least);
}
