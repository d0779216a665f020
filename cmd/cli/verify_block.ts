// verify block, verify blocks: whether blocks are what they say.

import type { BlockMeta } from "../../model/block_meta.ts";
import { type VerifiedBlock, verifyBlock } from "../../storage/mod.ts";
import { type Call, type Command, EXIT, TENANT } from "./command.ts";
import { liveBlocks } from "./listed_blocks.ts";
import { bytes, count } from "./table.ts";

const DETAILS =
  "Reads every page of every column: checksums, levels and values, what footer and indexes\n" +
  "say of them, that trace ids ascend and the bloom knows them all, and that meta.json is true.\n" +
  "Exit code 1 if anything is wrong.";

export const verifyBlockCommand: Command = {
  name: "verify block",
  summary: "checks every page, index, bloom and the meta of blocks; 1 if something is wrong",
  details: DETAILS,
  args: [TENANT, { name: "block-id", isMany: true }],
  flags: [],
  run: async (call) =>
    await verify(call, await liveBlocks(call, call.args[0]!, call.args.slice(1))),
};

export const verifyBlocksCommand: Command = {
  name: "verify blocks",
  summary: "the same of all live blocks of a tenant",
  details: DETAILS,
  args: [TENANT],
  flags: [],
  run: async (call) => await verify(call, await liveBlocks(call, call.args[0]!)),
};

async function verify(call: Call, metas: readonly BlockMeta[]): Promise<number> {
  const { store, signal, output } = call;
  const results: (VerifiedBlock & { tenant: string; blockId: string; isSound: boolean })[] = [];
  for (const [i, meta] of metas.entries()) {
    const progress = call.progress(`${meta.blockID} (${i + 1} of ${metas.length})`);
    let verified: VerifiedBlock;
    try {
      const onProgress = (done: number, all: number) => progress.update(done, all);
      verified = await verifyBlock(store, meta, { signal, onProgress });
    } finally {
      progress.end();
    }
    const { tenantID: tenant, blockID: blockId } = meta;
    results.push({ tenant, blockId, isSound: verified.problemCount === 0, ...verified });
    if (!call.isJson) show(call, meta, verified);
  }
  const damaged = results.filter(({ isSound }) => !isSound).length;
  if (call.isJson) output.json({ damaged, blocks: results });
  else if (metas.length > 1) {
    output.line(
      `${count(metas.length)} blocks, ${damaged === 0 ? "all sound" : `${damaged} not sound`}`,
    );
  }
  return damaged === 0 ? EXIT.done : EXIT.failed;
}

function show({ output }: Call, { blockID }: BlockMeta, verified: VerifiedBlock): void {
  const { problems, problemCount, traces, spans, rowGroups, pages, values, bytesRead } = verified;
  const verdict = problemCount === 0 ? "sound" : `${count(problemCount)} problems`;
  const unsure = verified.pagesWithoutChecksum;
  output.line(
    `${blockID}: ${verdict}; ${count(traces)} traces, ${count(spans)} spans, ` +
      `${rowGroups} row groups, ${count(pages)} pages` +
      (unsure === 0 ? "" : ` (${count(unsure)} without checksum)`) +
      `, ${count(values)} values, ${bytes(bytesRead)} read`,
  );
  for (const { where, what } of problems) output.line(`  ${where}: ${what}`);
  const untold = problemCount - problems.length;
  if (untold > 0) output.line(`  and ${count(untold)} more`);
}
