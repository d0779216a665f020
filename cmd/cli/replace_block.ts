// One block takes the place of another: written anew, read back, and only then is the old one retired.
// Rules: the old block is never touched before its successor is sound; whatever is interrupted leaves
// either the old one, or both of which readers see the new one alone; a successor that must not be is
// deleted whole, for while its meta.json is there the old block is hidden.
//
//   rewrite ─▶ verify ─▶ mark the old one as compacted ─▶ done
//       └─────────┴──────────────┴─ delete the new one
//       interrupted, not sound   the old one went meanwhile

import { UnavailableError } from "../../lib/errors.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { type BlockMeta, metaKey, noCompactKey } from "../../model/block_meta.ts";
import type { BlockFormat, DedicatedColumnMeta } from "../../model/block_meta.ts";
import {
  deleteBlock,
  markCompacted,
  type ObjectStore,
  type RemovedTraces,
  rewriteBlock,
  type RewriteOutcome,
  verifyBlock,
} from "../../storage/mod.ts";
import { blockOptions } from "../block_settings.ts";
import type { Call } from "./command.ts";

export interface Replacement {
  readonly dropTraceIds: ReadonlySet<string>;
  readonly format?: BlockFormat;
  readonly dedicatedColumns?: readonly DedicatedColumnMeta[];
}

export interface Replaced {
  readonly blockId: string;
  /** Undefined where nothing of the block remained. */
  readonly newBlockId: string | undefined;
  readonly sizeBytes: number;
  readonly newSizeBytes: number;
  readonly spans: number;
  readonly removed: RemovedTraces;
}

/** Undefined if the block has none of the traces. */
export async function replaceBlock(
  call: Call,
  input: BlockMeta,
  replacement: Replacement,
): Promise<Replaced | undefined> {
  const { store, runtime, signal } = call;
  await mustBeLive(store, input, signal);
  const newBlockId = runtime.random.uuid();
  const outcome = await writeSuccessor(call, input, replacement, newBlockId);
  if (outcome.kind === "untouched") return undefined;
  const isEmptied = outcome.kind === "emptied";
  await retire(call, input, isEmptied ? undefined : outcome.meta);
  return {
    blockId: input.blockID,
    newBlockId: isEmptied ? undefined : newBlockId,
    sizeBytes: input.size,
    newSizeBytes: isEmptied ? 0 : outcome.meta.size,
    spans: isEmptied ? 0 : outcome.spans,
    removed: outcome.removed,
  };
}

async function writeSuccessor(
  { store, runtime, config, signal }: Call,
  input: BlockMeta,
  replacement: Replacement,
  blockId: string,
): Promise<RewriteOutcome> {
  try {
    const outcome = await rewriteBlock(
      store,
      {
        ...replacement,
        input,
        blockId,
        ...blockOptions(config),
      },
      nextTurn,
      signal,
    );
    if (outcome.kind === "rewritten") await mustBeSound(store, outcome.meta, signal);
    return outcome;
  } catch (error) {
    await withdraw(store, { tenantID: input.tenantID, blockID: blockId }, runtime.clock.now());
    throw error;
  }
}

/** A block that is still being built is its builder's. */
async function mustBeLive(
  store: ObjectStore,
  { tenantID, blockID }: BlockMeta,
  signal: AbortSignal,
): Promise<void> {
  const { objects } = await store.list(`${tenantID}/${blockID}/`, undefined, signal);
  const keys = new Set(objects.map(({ key }) => key));
  if (!keys.has(metaKey(tenantID, blockID))) {
    throw new UnavailableError(`block ${tenantID}/${blockID} is no longer live; list again`);
  }
  if (!keys.has(noCompactKey(tenantID, blockID))) return;
  throw new UnavailableError(`block ${tenantID}/${blockID} has nocompact.flg: try later`);
}

async function mustBeSound(
  store: ObjectStore,
  meta: BlockMeta,
  signal: AbortSignal,
): Promise<void> {
  const { problems: [problem] } = await verifyBlock(store, meta, { signal });
  if (problem === undefined) return;
  throw new Error(`written anew, a block was not sound: ${problem.where}: ${problem.what}`);
}

/**
 * From here on the successor stays, whatever happens: a mark that failed may have been made, and then
 * the successor is all there is. Except where somebody else was first, whose block has the spans too.
 */
async function retire(
  call: Call,
  input: BlockMeta,
  successor: BlockMeta | undefined,
): Promise<void> {
  const { store, runtime, signal } = call;
  const name = `${input.tenantID}/${input.blockID}`;
  let marked: BlockMeta | undefined;
  try {
    marked = await markCompacted(store, input, runtime.clock.now(), signal);
  } catch (error) {
    if (successor === undefined) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    call.warn(`block ${name} is replaced, but could not be marked so: ${reason}`);
    return;
  }
  if (marked !== undefined) return;
  if (successor !== undefined) await withdraw(store, successor, runtime.clock.now());
  throw new UnavailableError(`block ${name} was compacted by somebody else meanwhile; try again`);
}

/** Not with the signal of the call, which may be why. */
async function withdraw(
  store: ObjectStore,
  block: Pick<BlockMeta, "tenantID" | "blockID">,
  nowMs: number,
): Promise<void> {
  const { signal } = new AbortController();
  await markCompacted(store, block, nowMs, signal);
  await deleteBlock(store, block, signal);
}
