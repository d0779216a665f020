// convert 4to5: vParquet4 blocks are written anew as vParquet5.

import { InputError, NotFoundError } from "../../lib/errors.ts";
import type { BlockMeta, DedicatedColumnMeta } from "../../model/block_meta.ts";
import type { Limits } from "../../model/limits.ts";
import { blockSettings, dedicatedOf } from "../block_settings.ts";
import { Overrides } from "../overrides/overrides.ts";
import { parseRuntimeFile } from "../overrides/runtime_file.ts";
import { type Call, type Command, EXIT, TENANT } from "./command.ts";
import { liveBlocks } from "./listed_blocks.ts";
import { replaceBlock, type Replaced } from "./replace_block.ts";
import { bytes, count, figure, percent, table } from "./table.ts";

export const convert4to5: Command = {
  name: "convert 4to5",
  summary: "writes vParquet4 blocks anew as vParquet5, and retires the old ones",
  details:
    "All live vParquet4 blocks of the tenant, or those that are named. Each successor is read\n" +
    "back before the old block is marked as compacted. Columns of single attributes are those of\n" +
    "the block; with --dedicated config those that the configuration gives the tenant's new blocks,\n" +
    "so that converted ones are compacted together with them.",
  args: [TENANT, { name: "block-id", isOptional: true, isMany: true }],
  flags: [
    { name: "dry-run", kind: "switch", help: "only tell which blocks would be converted" },
    { name: "yes", kind: "switch", help: "do not ask" },
    { name: "dedicated", kind: "text", value: "whose", help: "block or config" },
  ],
  async run(call) {
    const [tenant, ...blockIds] = call.args as [string, ...string[]];
    const dedicatedColumns = columnsWanted(call, tenant);
    const metas = await liveBlocks(call, tenant, blockIds);
    const old = metas.filter(({ format }) => format === "vParquet4");
    const other = metas.find(({ format }) => format !== "vParquet4");
    if (blockIds.length > 0 && other !== undefined) {
      const name = `block ${other.blockID}`;
      throw new InputError("failed_precondition", `${name} is ${other.format}, not vParquet4`);
    }
    if (old.length === 0) throw new NotFoundError(`no vParquet4 blocks of tenant ${tenant}`);
    const sizeBytes = old.reduce((sum, { size }) => sum + size, 0);
    if (call.flags.has("dry-run")) {
      const blocks = old.map(({ blockID, size }) => ({ blockId: blockID, sizeBytes: size }));
      if (call.isJson) call.output.json({ tenant, isDryRun: true, blocks });
      else showPlan(call, old);
      return EXIT.done;
    }
    const question = `convert ${count(old.length)} blocks, ${bytes(sizeBytes)}`;
    if (!call.agrees(question)) return EXIT.failed;
    const { done, error } = await convertAll(call, old, dedicatedColumns, sizeBytes);
    if (call.isJson) call.output.json({ tenant, isDryRun: false, blocks: done });
    else showDone(call, done);
    if (error !== undefined) throw error;
    return EXIT.done;
  },
};

/** Undefined: those of each block. */
function columnsWanted(call: Call, tenant: string): readonly DedicatedColumnMeta[] | undefined {
  const { flags, config } = call;
  const whose = flags.text("dedicated") ?? "block";
  if (whose === "block") return undefined;
  if (whose === "config") {
    const settings = { ...blockSettings(config), format: "vParquet5" as const };
    return dedicatedOf(settings, limitsOf(call, tenant)).columns;
  }
  const told = JSON.stringify(whose);
  throw new InputError(
    "invalid_argument",
    `flag --dedicated: expected block or config, not ${told}`,
  );
}

/** As the configuration and its file of tenants' limits have them. */
function limitsOf({ config, readFile }: Call, tenant: string): Limits {
  const overrides = new Overrides(config);
  const { per_tenant_override_config: path, enable_legacy_overrides } = config.overrides;
  if (path !== "") {
    overrides.replace(parseRuntimeFile(path, readFile(path), enable_legacy_overrides));
  }
  return overrides.limitsOf(tenant);
}

/** What was done is told even if the rest was not. */
async function convertAll(
  call: Call,
  metas: readonly BlockMeta[],
  dedicatedColumns: readonly DedicatedColumnMeta[] | undefined,
  allBytes: number,
): Promise<{ done: Replaced[]; error: unknown }> {
  const done: Replaced[] = [];
  const progress = call.progress("converting");
  let doneBytes = 0;
  try {
    for (const meta of metas) {
      progress.update(doneBytes, allBytes);
      const replaced = await replaceBlock(call, meta, {
        dropTraceIds: new Set(),
        format: "vParquet5",
        ...dedicatedColumns === undefined ? {} : { dedicatedColumns },
      });
      if (replaced !== undefined) done.push(replaced);
      doneBytes += meta.size;
    }
    return { done, error: undefined };
  } catch (error) {
    return { done, error };
  } finally {
    progress.end();
  }
}

function showPlan({ output }: Call, metas: readonly BlockMeta[]): void {
  output.text(table(
    ["BLOCK", figure("TRACES"), figure("SIZE")],
    metas.map(({ blockID, totalObjects, size }) => [blockID, count(totalObjects), bytes(size)]),
  ));
}

function showDone({ output }: Call, done: readonly Replaced[]): void {
  if (done.length === 0) return;
  output.text(table(
    ["BLOCK", "CONVERTED TO", figure("SPANS"), figure("SIZE"), figure("OF BEFORE")],
    done.map(({ blockId, newBlockId, spans, newSizeBytes, sizeBytes }) => [
      blockId,
      newBlockId ?? "",
      count(spans),
      bytes(newSizeBytes),
      percent(newSizeBytes, sizeBytes),
    ]),
  ));
}
