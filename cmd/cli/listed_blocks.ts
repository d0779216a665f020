// The blocks of a tenant as they lie in the store: what a process sees of them, and what it does not.
//
//   live        queries see it
//   replaced    still has its meta.json, but another block took its place
//   compacted   retired; its objects wait for retention
//   damaged     its meta cannot be read, so nobody sees it
//   unfinished  objects without a meta: in the making, or left behind

import { CorruptionError, InputError, NotFoundError } from "../../lib/errors.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../../model/block_meta.ts";
import { type ObjectStore, parseBlockMeta } from "../../storage/mod.ts";
import type { Call } from "./command.ts";

export type BlockState = "live" | "replaced" | "compacted" | "damaged" | "unfinished";

export interface ListedBlock {
  readonly tenant: string;
  readonly blockId: string;
  readonly state: BlockState;
  /** Of all its objects. */
  readonly objectsBytes: number;
  readonly bloomBytes: number;
  readonly meta: BlockMeta | undefined;
  /** Of a damaged one. */
  readonly problem: string | undefined;
}

/** Metas read at a time. */
const READS_MAX = 50;
const BLOCK_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Of the tenants that are named, or of all that have blocks; newest first. Throws NotFoundError where
 * there are none.
 */
export async function listTenants(call: Call): Promise<Map<string, ListedBlock[]>> {
  const listed = new Map<string, ListedBlock[]>();
  for (const tenant of await tenantsOf(call)) {
    const blocks = await listBlocks(call, tenant);
    if (blocks.length > 0) listed.set(tenant, blocks);
    else if (call.args.length > 0) throw new NotFoundError(`no blocks of tenant ${tenant}`);
  }
  if (listed.size === 0) throw new NotFoundError("the store has no blocks");
  return listed;
}

/** Newest first. */
async function listBlocks(call: Call, tenant: string): Promise<ListedBlock[]> {
  checkTenant(tenant);
  const { objects } = await call.store.list(`${tenant}/`, undefined, call.signal);
  const folders = Map.groupBy(objects, ({ key }) => key.split("/")[1]!);
  const wanted = [...folders].filter(([id, objects]) =>
    BLOCK_ID.test(id) && objects.some(({ key }) => key.split("/").length === 3)
  );
  const blocks: ListedBlock[] = [];
  const progress = call.progress("reading metas");
  try {
    await forEachOf(wanted, READS_MAX, async ([blockId, objects]) => {
      call.signal.throwIfAborted();
      const keys = new Set(objects.map(({ key }) => key));
      const sizeOf = (parts: typeof objects) => parts.reduce((sum, one) => sum + one.sizeBytes, 0);
      const read = await readMeta(call.store, tenant, blockId, keys, call.signal);
      // Undefined: deleted since it was listed.
      if (read !== undefined) {
        const blooms = objects.filter(({ key }) => /\/bloom-\d+$/.test(key));
        const sizes = { objectsBytes: sizeOf(objects), bloomBytes: sizeOf(blooms) };
        blocks.push({ tenant, blockId, ...read, ...sizes });
      }
      progress.update(blocks.length, wanted.length);
    });
  } finally {
    progress.end();
  }
  return newestFirst(withReplaced(blocks));
}

/** Those that queries see, or of them the ones that are named. */
export async function liveBlocks(
  call: Call,
  tenant: string,
  blockIds: readonly string[] = [],
): Promise<BlockMeta[]> {
  if (blockIds.length > 0) {
    const metas: BlockMeta[] = [];
    for (const id of blockIds) metas.push(await readBlock(call, tenant, id));
    return metas;
  }
  const metas = (await listBlocks(call, tenant))
    .flatMap(({ state, meta }) => state === "live" && meta !== undefined ? [meta] : []);
  if (metas.length === 0) throw new NotFoundError(`no live blocks of tenant ${tenant}`);
  return metas;
}

/** One block by its id, retired or not. */
export async function readBlock(call: Call, tenant: string, blockId: string): Promise<BlockMeta> {
  checkTenant(tenant);
  if (!BLOCK_ID.test(blockId)) {
    const wanted = "a block id such as 5a6b0000-0000-4000-8000-000000000001";
    throw new InputError(
      "invalid_argument",
      `expected ${wanted}, not ${JSON.stringify(blockId)}`,
    );
  }
  for (const key of [metaKey(tenant, blockId), compactedMetaKey(tenant, blockId)]) {
    try {
      return parseBlockMeta(await call.store.read(key, undefined, call.signal), key);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  throw new NotFoundError(`no block ${blockId} of tenant ${tenant}`);
}

async function tenantsOf(call: Call): Promise<readonly string[]> {
  if (call.args.length > 0) return call.args;
  const { prefixes } = await call.store.list("", "/", call.signal);
  const tenants = prefixes.map((prefix) => prefix.slice(0, -1));
  return tenants.filter((tenant) => !tenant.startsWith("."));
}

function checkTenant(tenant: string): void {
  if (tenant !== "" && !tenant.includes("/")) return;
  throw new InputError("invalid_argument", `tenant ${JSON.stringify(tenant)} is not one`);
}

type Read = Pick<ListedBlock, "state" | "meta" | "problem">;

async function readMeta(
  store: ObjectStore,
  tenant: string,
  blockId: string,
  keys: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Read | undefined> {
  const [live, retired] = [metaKey(tenant, blockId), compactedMetaKey(tenant, blockId)];
  const key = keys.has(live) ? live : retired;
  if (!keys.has(key)) return { state: "unfinished", meta: undefined, problem: undefined };
  try {
    const meta = parseBlockMeta(await store.read(key, undefined, signal), key);
    return { state: key === live ? "live" : "compacted", meta, problem: undefined };
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    if (!(error instanceof CorruptionError)) throw error;
    return { state: "damaged", meta: undefined, problem: error.message };
  }
}

function withReplaced(blocks: readonly ListedBlock[]): ListedBlock[] {
  const replaced = new Set(blocks.flatMap(({ meta }) => meta?.replaces ?? []));
  return blocks.map((block) =>
    block.state === "live" && replaced.has(block.blockId) ? { ...block, state: "replaced" } : block
  );
}

function newestFirst(blocks: ListedBlock[]): ListedBlock[] {
  const endMs = ({ meta }: ListedBlock) =>
    meta === undefined ? -Infinity : Date.parse(meta.endTime);
  return blocks.sort((a, b) => {
    const [aMs, bMs] = [endMs(a), endMs(b)];
    return aMs === bMs ? (a.blockId < b.blockId ? -1 : 1) : bMs - aMs;
  });
}

/** Works on the items, `atOnce` at a time; the first failure ends it. */
async function forEachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}
