// Which attributes a block has and what they cost, over all its row groups; analyses of several blocks
// add up. Only scopes whose attributes can have columns of their own: resource, span, event.

import type { BlockMeta } from "../../model/block_meta.ts";
import { blamed, Block } from "../block/block.ts";
import { BlockCache } from "../block/block_cache.ts";
import { PhysicalType, type RowGroup } from "../parquet/metadata.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { type AttributeUse, attributeUses, type UseType } from "./attribute_use.ts";

export type DedicatedScope = "resource" | "span" | "event";

export interface ScopedUse extends AttributeUse {
  readonly scope: DedicatedScope;
  /** It has a column of its own; `bytesInAttrs` is then an estimate, else the column is one. */
  readonly isDedicated: boolean;
}

export interface ScopeUse {
  readonly scope: DedicatedScope;
  /** Resources, spans or events. */
  readonly owners: number;
  readonly attrsBytes: number;
}

export interface BlockAnalysis {
  readonly blocks: number;
  readonly traces: number;
  readonly sizeBytes: number;
  readonly scopes: readonly ScopeUse[];
  /** Largest first, by scope. */
  readonly attributes: readonly ScopedUse[];
}

const SCOPES = [
  { scope: "resource", folder: "rs.Resource.Attrs", level: 1 },
  { scope: "span", folder: "rs.ss.Spans.Attrs", level: 3 },
  { scope: "event", folder: "rs.ss.Spans.Events.Attrs", level: 4 },
] as const;
const CACHE_BYTES = 1 << 26;

export async function analyseBlock(
  store: ObjectStore,
  meta: BlockMeta,
  signal: AbortSignal,
): Promise<BlockAnalysis> {
  const block = await Block.open(store, meta, new BlockCache(CACHE_BYTES));
  return await blamed(meta, async () => {
    const parts: BlockAnalysis[] = [];
    for (const group of block.file.metadata.rowGroups) {
      signal.throwIfAborted();
      parts.push(await analyseRowGroup(block, group));
    }
    return { ...addAnalyses(parts), blocks: 1, traces: meta.totalObjects, sizeBytes: meta.size };
  });
}

async function analyseRowGroup(block: Block, group: RowGroup): Promise<BlockAnalysis> {
  const scopes: ScopeUse[] = [];
  const attributes: ScopedUse[] = [];
  for (const { scope, folder, level } of SCOPES) {
    const { owners, attrsBytes, uses } = await attributeUses(block.file, group, folder, level);
    scopes.push({ scope, owners, attrsBytes });
    const own = uses.map((use) => ({ ...use, scope, isDedicated: false }));
    attributes.push(...own, ...await dedicatedUses(block, group, scope, overheadOf(uses)));
  }
  return { blocks: 0, traces: 0, sizeBytes: 0, scopes, attributes };
}

/** What an attribute takes among the others beyond what it would in a column of its own. */
function overheadOf(uses: readonly AttributeUse[]): number {
  let bytes = 0;
  let owners = 0;
  for (const use of uses) {
    if (use.bytesAsColumn === 0) continue;
    bytes += use.bytesInAttrs - use.bytesAsColumn;
    owners += use.owners;
  }
  return owners === 0 ? 0 : Math.max(0, bytes / owners);
}

async function dedicatedUses(
  { file, dedicated }: Block,
  group: RowGroup,
  scope: DedicatedScope,
  overhead: number,
): Promise<ScopedUse[]> {
  const uses: ScopedUse[] = [];
  for (const { key, path } of dedicated.filter((column) => column.scope === scope)) {
    const column = await file.column(group, path);
    const chunk = group.chunks.get(path);
    if (column === undefined || chunk === undefined) continue;
    const { leaf, repetition, definition, entryCount, valueCount } = column;
    // vParquet4 has one value at most, and no level for it.
    const level = leaf.definitionMax;
    let owners = 0;
    let arrays = 0;
    for (let i = 0; i < entryCount; i++) {
      if (definition[i] !== level) continue;
      if (repetition[i]! < level) owners++;
      else if (repetition[i - 1]! < level) arrays++;
    }
    const isString = leaf.type === PhysicalType.ByteArray;
    const seen = new Set<string>();
    for (let i = 0; isString && i < valueCount; i++) {
      seen.add(column.dictionary.text(column.codes[i]!));
    }
    const encoder = new TextEncoder();
    let distinctBytes = 0;
    for (const text of seen) distinctBytes += encoder.encode(text).length;
    const hasDictionary = chunk.dataOffset > chunk.offset;
    uses.push({
      key,
      type: isString ? "string" : "int" satisfies UseType,
      scope,
      isDedicated: true,
      owners,
      values: valueCount,
      arrays,
      distinct: seen.size,
      distinctBytes,
      dictionaryBytesMax: distinctBytes,
      bytesInAttrs: chunk.sizeBytes + owners * overhead,
      bytesAsColumn: chunk.sizeBytes,
      bytesAsBlob: isString && !hasDictionary ? chunk.sizeBytes : 0,
    });
  }
  return uses;
}

/** Of different blocks, or parts of one. */
export function addAnalyses(parts: readonly BlockAnalysis[]): BlockAnalysis {
  const scopes = SCOPES.map(({ scope }) => {
    const own = parts.flatMap((part) => part.scopes.filter((one) => one.scope === scope));
    return {
      scope,
      owners: sum(own, ({ owners }) => owners),
      attrsBytes: sum(own, ({ attrsBytes }) => attrsBytes),
    };
  });
  const uses = Map.groupBy(
    parts.flatMap(({ attributes }) => attributes),
    ({ scope, type, key }) => `${scope} ${type} ${key}`,
  );
  const order = new Map<DedicatedScope, number>(SCOPES.map(({ scope }, i) => [scope, i]));
  const attributes = [...uses.values()].map(added).sort((a, b) =>
    order.get(a.scope)! - order.get(b.scope)! || b.bytesInAttrs - a.bytesInAttrs ||
    (a.key < b.key ? -1 : 1)
  );
  return {
    blocks: sum(parts, ({ blocks }) => blocks),
    traces: sum(parts, ({ traces }) => traces),
    sizeBytes: sum(parts, ({ sizeBytes }) => sizeBytes),
    scopes,
    attributes,
  };
}

function added(uses: readonly ScopedUse[]): ScopedUse {
  const [{ key, type, scope }] = uses as [ScopedUse];
  return {
    key,
    type,
    scope,
    // In one block it may have a column, in another not.
    isDedicated: uses.some((use) => use.isDedicated),
    owners: sum(uses, ({ owners }) => owners),
    values: sum(uses, ({ values }) => values),
    arrays: sum(uses, ({ arrays }) => arrays),
    distinct: sum(uses, ({ distinct }) => distinct),
    distinctBytes: sum(uses, ({ distinctBytes }) => distinctBytes),
    dictionaryBytesMax: Math.max(...uses.map((use) => use.dictionaryBytesMax)),
    bytesInAttrs: Math.round(sum(uses, ({ bytesInAttrs }) => bytesInAttrs)),
    bytesAsColumn: sum(uses, ({ bytesAsColumn }) => bytesAsColumn),
    bytesAsBlob: sum(uses, ({ bytesAsBlob }) => bytesAsBlob),
  };
}

function sum<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.reduce((total, item) => total + valueOf(item), 0);
}
