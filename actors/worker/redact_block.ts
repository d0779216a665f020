// Redacts one block: finds the traces, writes the block anew without them, and marks it as compacted.
//
//   find ─▶ receipt: removing ─▶ new block, its meta.json last ─▶ receipt: removed ─▶ mark
//      └ none of it, or a dry run: nothing is written but a receipt of what was found
//
// Rule: from the new meta.json on, the traces are not visible; their bytes go with the old block's objects
// when retention deletes it. Whatever is interrupted is done again from the start.
import type { Runtime } from "../../lib/runtime.ts";
import { type BlockMeta, metaKey } from "../../model/block_meta.ts";
import { compile, execute } from "../../query/engine/mod.ts";
import {
  type Block,
  BlockCache,
  type BlockOptions,
  blockOptionsOf,
  markCompacted,
  type ObjectStore,
  openBlock,
  readIfAny,
  rewriteBlock,
  withGuardedCommit,
} from "../../storage/mod.ts";
import type { RedactionWish } from "../scheduler/job.ts";
import { type Receipt, writeReceipt } from "./receipts.ts";

export interface RedactBlockRequest extends BlockOptions {
  readonly batchId: string;
  readonly input: BlockMeta;
  readonly wish: RedactionWish;
  /** How far the scheduler's clock is ahead of this one. */
  readonly aheadMs: number;
}

export interface RedactBlockOutcome {
  readonly traces: number;
  readonly spans: number;
  readonly output: BlockMeta | undefined;
  /** Somebody else has written it anew, or merged it, meanwhile. */
  readonly isGone?: boolean;
}

const CACHE_BYTES = 32 << 20;
/** More traces than any block has. */
const ALL = 2 ** 31 - 1;

const NOTHING: RedactBlockOutcome = { traces: 0, spans: 0, output: undefined };
const GONE: RedactBlockOutcome = { ...NOTHING, isGone: true };

export async function redactBlock(
  { clock, random }: Pick<Runtime, "clock" | "random">,
  store: ObjectStore,
  request: RedactBlockRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<RedactBlockOutcome> {
  const { input, wish, batchId, aheadMs } = request;
  const { tenantID: tenant, blockID: blockId } = input;
  const block = await openBlock(store, input, new BlockCache(CACHE_BYTES));
  const found = await findTraces(block, wish, pause, signal);
  if (found.length === 0) return NOTHING;
  const nowMs = () => clock.now() + aheadMs;
  const receipt = (told: Pick<Receipt, "state" | "traceIds" | "spans" | "newBlockId">) =>
    writeReceipt(
      store,
      { batchId, tenant, blockId, wish, at: new Date(nowMs()).toISOString(), ...told },
      signal,
    );
  if (wish.mode === "dry_run") {
    const spans = await countSpans(block, found, pause, signal);
    await receipt({ state: "found", traceIds: found, spans });
    return { traces: found.length, spans, output: undefined };
  }
  await receipt({ state: "removing", traceIds: found, spans: 0 });
  const newBlockId = random.uuid();
  const outcome = await withGuardedCommit(
    store,
    { tenant, blockId: newBlockId },
    async () =>
      await readIfAny(store, metaKey(tenant, blockId), signal) === undefined ? GONE : undefined,
    (guarded) =>
      rewriteBlock(
        guarded,
        {
          input,
          blockId: newBlockId,
          dropTraceIds: new Set(found),
          ...blockOptionsOf(request),
        },
        pause,
        signal,
      ),
    signal,
  );
  if (!("kind" in outcome)) return outcome;
  if (outcome.kind === "untouched") return NOTHING;
  const { traceIds, spans } = outcome.removed;
  const output = outcome.kind === "rewritten" ? outcome.meta : undefined;
  const successor = output === undefined ? {} : { newBlockId: output.blockID };
  await receipt({ state: "removed", traceIds, spans, ...successor });
  await markCompacted(store, input, nowMs(), signal);
  return { traces: traceIds.length, spans, output };
}

/** Ids as 32 hex digits. */
async function findTraces(
  block: Block,
  wish: RedactionWish,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<string[]> {
  const found: string[] = [];
  if (wish.query === "") {
    for (const id of wish.traceIds) {
      const columns = await block.findTraceColumns(Uint8Array.fromHex(id), signal);
      if (columns !== undefined && columns.length > 0) found.push(id);
    }
    return found;
  }
  const plan = compile({
    kind: "search",
    tenant: block.meta.tenantID,
    query: wish.query,
    limit: ALL,
    spansPerSpanSet: 1,
    startSeconds: wish.startSeconds,
    endSeconds: wish.endSeconds,
    mostRecent: false,
  });
  for (const { index } of block.rowGroups) {
    const { traces } = await execute(plan, block.view(index), signal);
    for (const { traceId } of traces) found.push(traceId);
    await pause();
    signal.throwIfAborted();
  }
  return found;
}

async function countSpans(
  block: Block,
  traceIds: readonly string[],
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  let spans = 0;
  for (const id of traceIds) {
    spans += (await block.findTraceColumns(Uint8Array.fromHex(id), signal))?.length ?? 0;
    await pause();
  }
  return spans;
}
