// rewrite-blocks drop-traces: blocks are written anew without some traces.

import { InputError, NotFoundError } from "../../lib/errors.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { BlockCache, openBlock } from "../../storage/mod.ts";
import { type Call, type Command, EXIT, TENANT } from "./command.ts";
import { liveBlocks } from "./listed_blocks.ts";
import { traceIdOf } from "./query_trace.ts";
import { replaceBlock, type Replaced } from "./replace_block.ts";
import { bytes, count, figure, table } from "./table.ts";

const CACHE_BYTES = 64 << 20;
const FINDS_MAX = 16;

interface Affected {
  readonly meta: BlockMeta;
  readonly traceIds: readonly string[];
  readonly spans: number;
}

export const dropTraces: Command = {
  name: "rewrite-blocks drop-traces",
  summary: "writes blocks anew without the given traces, and retires the old ones",
  details:
    "Each block that has one of the traces gets a successor, which is read back before the old\n" +
    "block is marked as compacted; its objects stay until retention takes them. An interrupt leaves\n" +
    "every block either as it was or replaced. Blocks that were not looked at yet, because they\n" +
    "are still being built, are not rewritten: ask again later.",
  args: [TENANT, { name: "trace-id", isMany: true }],
  flags: [
    { name: "dry-run", kind: "switch", help: "only tell which blocks have the traces" },
    { name: "yes", kind: "switch", help: "do not ask" },
    { name: "block", kind: "text", isMany: true, value: "id", help: "this block; may be repeated" },
  ],
  async run(call) {
    const [tenant, ...texts] = call.args as [string, ...string[]];
    if (texts.length === 0) throw new InputError("invalid_argument", "<trace-id> is missing");
    const ids = new Set(texts.map((text) => traceIdOf(text).toHex()));
    const metas = await liveBlocks(call, tenant, call.flags.texts("block"));
    const affected = await findAffected(call, metas, [...ids]);
    const found = new Set(affected.flatMap(({ traceIds }) => traceIds));
    const missing = [...ids].filter((id) => !found.has(id));
    for (const id of missing) call.warn(`no trace ${id} in ${count(metas.length)} blocks`);
    if (affected.length === 0) {
      throw new NotFoundError(`none of ${count(ids.size)} traces is in tenant ${tenant}`);
    }
    if (!call.isJson) showPlan(call, affected);
    if (call.flags.has("dry-run")) {
      const blocks = affected.map(({ meta, traceIds, spans }) => (
        { blockId: meta.blockID, traceIds, spans }
      ));
      if (call.isJson) call.output.json({ tenant, isDryRun: true, missing, blocks });
      return EXIT.done;
    }
    const question = `rewrite ${count(affected.length)} blocks without ${count(found.size)} traces`;
    if (!call.agrees(question)) return EXIT.failed;
    const replaced = await replaceAll(call, affected.map(({ meta }) => meta), ids);
    if (call.isJson) call.output.json({ tenant, isDryRun: false, missing, blocks: replaced.done });
    else showReplaced(call, replaced.done);
    if (replaced.error !== undefined) throw replaced.error;
    return EXIT.done;
  },
};

async function findAffected(
  { store, signal, ...call }: Call,
  metas: readonly BlockMeta[],
  ids: readonly string[],
): Promise<Affected[]> {
  const cache = new BlockCache(CACHE_BYTES);
  const affected: Affected[] = [];
  const progress = call.progress("looking for the traces");
  try {
    for (const [i, meta] of metas.entries()) {
      const block = await openBlock(store, meta, cache);
      const traceIds: string[] = [];
      let spans = 0;
      for (let from = 0; from < ids.length; from += FINDS_MAX) {
        await Promise.all(
          ids.slice(from, from + FINDS_MAX).map(async (id) => {
            const columns = await block.findTraceColumns(Uint8Array.fromHex(id), signal);
            if (columns === undefined) return;
            traceIds.push(id);
            spans += columns.length;
          }),
        );
      }
      if (traceIds.length > 0) affected.push({ meta, traceIds: traceIds.sort(), spans });
      progress.update(i + 1, metas.length);
    }
  } finally {
    progress.end();
  }
  return affected;
}

/** What was done is told even if the rest was not: it is the receipt. */
async function replaceAll(
  call: Call,
  metas: readonly BlockMeta[],
  dropTraceIds: ReadonlySet<string>,
): Promise<{ done: Replaced[]; error: unknown }> {
  const done: Replaced[] = [];
  const progress = call.progress("rewriting");
  try {
    for (const [i, meta] of metas.entries()) {
      progress.update(i, metas.length);
      const replaced = await replaceBlock(call, meta, { dropTraceIds });
      if (replaced !== undefined) done.push(replaced);
    }
    return { done, error: undefined };
  } catch (error) {
    return { done, error };
  } finally {
    progress.end();
  }
}

function showPlan({ output }: Call, affected: readonly Affected[]): void {
  output.text(table(
    ["BLOCK", figure("SIZE"), figure("TRACES"), figure("OF"), figure("SPANS")],
    affected.map(({ meta, traceIds, spans }) => [
      meta.blockID,
      bytes(meta.size),
      count(traceIds.length),
      count(meta.totalObjects),
      count(spans),
    ]),
  ));
}

function showReplaced({ output }: Call, replaced: readonly Replaced[]): void {
  if (replaced.length === 0) return;
  output.line();
  output.text(table(
    ["BLOCK", "REPLACED BY", figure("SIZE"), figure("TRACES DROPPED"), figure("SPANS DROPPED")],
    replaced.map(({ blockId, newBlockId, newSizeBytes, removed }) => [
      blockId,
      newBlockId ?? "nothing, it has no other traces",
      bytes(newSizeBytes),
      count(removed.traceIds.length),
      count(removed.spans),
    ]),
  ));
}
