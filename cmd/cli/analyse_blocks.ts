// analyse block, analyse blocks: what attributes cost, and which of them deserve a column of their own.

import type { BlockMeta } from "../../model/block_meta.ts";
import {
  addAnalyses,
  analyseBlock,
  type BlockAnalysis,
  columnBytes,
  defaultSuggestRules,
  isBlob,
  type ScopedUse,
  suggestColumns,
  type SuggestRules,
} from "../../storage/mod.ts";
import { BLOCK, type Call, type Command, EXIT, type FlagSpec, TENANT } from "./command.ts";
import { dedicatedYaml } from "../config/mod.ts";
import { liveBlocks, readBlock } from "./listed_blocks.ts";
import { bytes, count, figure, oneLine, percent, table } from "./table.ts";

const TOP = 15;

const FLAGS: readonly FlagSpec[] = [
  { name: "top", kind: "text", value: "n", help: `attributes told by scope; ${TOP} if not given` },
  {
    name: "min-share",
    kind: "text",
    value: "share",
    help: "of its scope's bytes, for a column to be worth its place; 2% if not given",
  },
  {
    name: "min-owners",
    kind: "text",
    value: "share",
    help: "of resources, spans or events that must have it; 1% if not given",
  },
  {
    name: "blob-bytes",
    kind: "text",
    value: "n",
    help: "dictionary of a row group above which mostly different strings are a blob; 1048576",
  },
];

const DETAILS =
  "IN ATTRS is the attribute's part of what all attributes of its scope take together, shared\n" +
  "out by values and levels; AS COLUMN is measured, by encoding it as a block would. For those\n" +
  "that have a column already it is the other way round. The YAML is ready for a configuration.";

export const analyseBlockCommand: Command = {
  name: "analyse block",
  summary: "what attributes cost, and which deserve a column of their own",
  details: DETAILS,
  args: [TENANT, BLOCK],
  flags: FLAGS,
  run: async (call) => await analyse(call, [await readBlock(call, call.args[0]!, call.args[1]!)]),
};

export const analyseBlocksCommand: Command = {
  name: "analyse blocks",
  summary: "the same over several blocks of a tenant, largest first",
  details: DETAILS,
  args: [TENANT],
  flags: [
    ...FLAGS,
    { name: "blocks", kind: "text", value: "n", help: "how many; 10 if not given" },
    { name: "min-level", kind: "text", value: "n", help: "of compaction, from 0" },
  ],
  async run(call) {
    const level = call.flags.natural("min-level", 0);
    const metas = (await liveBlocks(call, call.args[0]!))
      .filter(({ compactionLevel }) => compactionLevel >= level)
      .sort((a, b) => b.size - a.size)
      .slice(0, call.flags.natural("blocks", 10));
    return await analyse(call, metas);
  },
};

async function analyse(call: Call, metas: readonly BlockMeta[]): Promise<number> {
  const { flags, output } = call;
  const rules: SuggestRules = {
    minShare: flags.share("min-share", defaultSuggestRules.minShare),
    minOwners: flags.share("min-owners", defaultSuggestRules.minOwners),
    blobDictionaryBytes: flags.natural("blob-bytes", defaultSuggestRules.blobDictionaryBytes),
  };
  const top = flags.natural("top", TOP);
  const progress = call.progress("analysing");
  const parts: BlockAnalysis[] = [];
  const allBytes = metas.reduce((sum, { size }) => sum + size, 0);
  try {
    for (const meta of metas) {
      parts.push(await analyseBlock(call.store, meta, call.signal));
      progress.update(parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), allBytes);
    }
  } finally {
    progress.end();
  }
  const analysis = addAnalyses(parts);
  const columns = suggestColumns(analysis, rules).map(({ column }) => column);
  if (call.isJson) {
    const attributes = analysis.attributes.map((use) => ({ ...use, isBlob: isBlob(use, rules) }));
    const suggested = columns.map(({ s, n, t, o }) => ({
      scope: s,
      name: n,
      type: t,
      options: o ?? [],
    }));
    output.json({ ...analysis, attributes, suggested });
    return EXIT.done;
  }
  output.line(
    `${count(analysis.blocks)} blocks, ${count(analysis.traces)} traces, ${
      bytes(analysis.sizeBytes)
    }`,
  );
  for (const { scope, owners, attrsBytes } of analysis.scopes) {
    const uses = analysis.attributes.filter((use) => use.scope === scope);
    if (uses.length === 0) continue;
    output.line(`\n${scope}: ${count(owners)} of them, attributes take ${bytes(attrsBytes)}\n`);
    const suggested = new Set(
      columns.filter(({ s }) => s === scope).map(({ n, t }) => `${t} ${n}`),
    );
    output.text(usesTable(uses.slice(0, top), owners, suggested, rules));
    if (uses.length > top) output.line(`and ${count(uses.length - top)} more with --top`);
  }
  output.line(`\n${dedicatedYaml(columns)}`.trimEnd());
  return EXIT.done;
}

function usesTable(
  uses: readonly ScopedUse[],
  owners: number,
  suggested: ReadonlySet<string>,
  rules: SuggestRules,
): string {
  return table(
    [
      "ATTRIBUTE",
      "TYPE",
      figure("ON"),
      figure("SHARE"),
      figure("ARRAYS"),
      figure("DISTINCT"),
      figure("IN ATTRS"),
      figure("AS COLUMN"),
      "NOTE",
    ],
    uses.map((use) => [
      oneLine(use.key, 50),
      use.type,
      count(use.owners),
      percent(use.owners, owners),
      use.arrays === 0 ? "" : count(use.arrays),
      use.type === "string" ? count(use.distinct) : "",
      (use.isDedicated ? "~" : "") + bytes(use.bytesInAttrs),
      use.bytesAsColumn === 0 ? "" : bytes(columnBytes(use, rules)),
      [
        use.isDedicated ? "has a column" : "",
        suggested.has(`${use.type} ${use.key}`) ? "suggested" : "",
        isBlob(use, rules) ? "blob" : "",
      ].filter((note) => note !== "").join(", "),
    ]),
  );
}
