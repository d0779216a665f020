// view block: what a block consists of, from its footer and indexes.

import { NotFoundError } from "../../lib/errors.ts";
import {
  type BlockDescription,
  type ChunkDescription,
  type ColumnDescription,
  describeBlock,
} from "../../storage/mod.ts";
import { BLOCK, type Call, type Command, EXIT, TENANT } from "./command.ts";
import { readBlock } from "./listed_blocks.ts";
import { bytes, count, figure, oneLine, percent, table } from "./table.ts";

export const viewBlock: Command = {
  name: "view block",
  summary: "row groups, columns with sizes, encodings, codecs, pages and dictionaries",
  details:
    "Columns are added up over all row groups; with --row-group one of them is told alone.\n" +
    "Bounds and every row group are in --json. Nothing but footer and indexes is read.",
  args: [TENANT, BLOCK],
  flags: [
    { name: "row-group", kind: "text", value: "n", help: "this one alone, from 0" },
    { name: "by-size", kind: "switch", help: "largest columns first, not in file order" },
  ],
  async run(call) {
    const meta = await readBlock(call, call.args[0]!, call.args[1]!);
    const { schema: _, ...block } = await describeBlock(call.store, meta, call.signal);
    const which = call.flags.natural("row-group", 0);
    if (which >= block.rowGroups.length) {
      const count = block.rowGroups.length;
      throw new NotFoundError(`flag --row-group: no row group ${which}, the block has ${count}`);
    }
    if (call.isJson) call.output.json(block);
    else show(call, block);
    return EXIT.done;
  },
};

function show({ output, flags }: Call, block: Omit<BlockDescription, "schema">): void {
  const { meta, rowGroups, createdBy } = block;
  const which = flags.natural("row-group", -1);
  const groups = which < 0 ? rowGroups : rowGroups.filter(({ index }) => index === which);
  const spans = groups.reduce((sum, group) => sum + group.spans, 0);
  output.text(
    table(["", ""], [
      ["block", `${meta.tenantID}/${meta.blockID}`],
      ["format", `${meta.format}, written by ${createdBy}`],
      ["time", `${meta.startTime} to ${meta.endTime}`],
      ["traces", `${count(meta.totalObjects)}, level ${meta.compactionLevel}`],
      ["data", `${bytes(meta.size)}, footer ${bytes(meta.footerSize)}, ${meta.bloomShards} blooms`],
      ...meta.compactedTime === undefined ? [] : [["compacted", meta.compactedTime]],
      ...meta.replaces === undefined ? [] : [["replaces", meta.replaces.join(", ")]],
    ]).trimStart(),
  );
  output.line();
  output.text(table(
    [
      figure("GROUP"),
      figure("TRACES"),
      figure("SPANS"),
      figure("SIZE"),
      figure("RAW"),
      figure("B/SPAN"),
      "FIRST TRACE",
      "LAST TRACE",
    ],
    groups.map((group) => [
      String(group.index),
      count(group.traces),
      count(group.spans),
      bytes(group.sizeBytes),
      bytes(group.uncompressedBytes),
      (group.sizeBytes / Math.max(1, group.spans)).toFixed(1),
      group.firstTraceId ?? "-",
      group.lastTraceId ?? "-",
    ]),
  ));
  output.line();
  const allBytes = groups.reduce((sum, group) => sum + group.sizeBytes, 0);
  const columns = block.columns.map((column) => ({
    column,
    chunks: groups.map(({ index }) => column.chunks[index]!),
  }));
  if (flags.has("by-size")) columns.sort((a, b) => sizeOf(b.chunks) - sizeOf(a.chunks));
  output.text(table(
    [
      "COLUMN",
      "TYPE",
      "ENCODING",
      "CODEC",
      figure("VALUES"),
      figure("NULLS"),
      figure("PAGES"),
      figure("DICTIONARY"),
      figure("SIZE"),
      figure("SHARE"),
      figure("B/SPAN"),
    ],
    columns.map(({ column, chunks }) => [
      ...columnCells(column, chunks),
      bytes(sizeOf(chunks)),
      percent(sizeOf(chunks), allBytes),
      (sizeOf(chunks) / Math.max(1, spans)).toFixed(2),
    ]),
  ));
}

function columnCells(column: ColumnDescription, chunks: readonly ChunkDescription[]): string[] {
  const { path, type, logical, attribute } = column;
  const sum = (of: (chunk: ChunkDescription) => number | undefined) =>
    chunks.reduce<number | undefined>((total, chunk) => {
      const more = of(chunk);
      return total === undefined || more === undefined ? undefined : total + more;
    }, 0);
  const told = (value: number | undefined) => value === undefined ? "-" : count(value);
  const nulls = sum((chunk) => chunk.nulls);
  const entries = sum((chunk) => chunk.entries)!;
  const entriesOfDictionary = sum((chunk) => chunk.dictionaryEntries)!;
  const dictionaryBytes = sum((chunk) => chunk.dictionaryBytes)!;
  return [
    attribute === undefined ? path : `${path} = ${oneLine(attribute, 60)}`,
    logical ?? type,
    distinct(chunks.map(({ encodings }) => valueEncoding(encodings))),
    distinct(chunks.map(({ codec }) => codec)),
    // Where the footer does not say how many are nulls, some may be.
    nulls === undefined ? `≤ ${count(entries)}` : count(entries - nulls),
    told(nulls),
    told(sum((chunk) => chunk.pages)),
    entriesOfDictionary === 0 ? "" : `${count(entriesOfDictionary)} / ${bytes(dictionaryBytes)}`,
  ];
}

/** Without the encodings of levels and of dictionaries themselves. */
function valueEncoding(encodings: readonly string[]): string {
  const isDictionary = encodings.some((name) => name.endsWith("_DICTIONARY"));
  const values = encodings.filter((name) => name !== "RLE" && !(isDictionary && name === "PLAIN"));
  return SHORT[values[0] ?? ""] ?? values.join("+") ?? encodings.join("+");
}

const SHORT: Readonly<Record<string, string>> = {
  "RLE_DICTIONARY": "dictionary",
  "PLAIN_DICTIONARY": "dictionary",
  "DELTA_BINARY_PACKED": "delta",
  "DELTA_LENGTH_BYTE_ARRAY": "delta-length",
  "DELTA_BYTE_ARRAY": "delta-bytes",
  "PLAIN": "plain",
};

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].join(", ");
}

function sizeOf(chunks: readonly ChunkDescription[]): number {
  return chunks.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
