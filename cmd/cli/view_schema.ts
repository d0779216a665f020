// view schema: the schema of a block in Parquet's own words.

import { describeBlock, type SchemaNode } from "../../storage/mod.ts";
import { BLOCK, type Command, EXIT, TENANT } from "./command.ts";
import { readBlock } from "./listed_blocks.ts";

export const viewSchema: Command = {
  name: "view schema",
  summary: "the Parquet schema of a block",
  args: [TENANT, BLOCK],
  flags: [],
  async run(call) {
    const meta = await readBlock(call, call.args[0]!, call.args[1]!);
    const { schema } = await describeBlock(call.store, meta, call.signal);
    if (call.isJson) call.output.json({ schema });
    else {
      call.output.line(`message ${schema.name} {`);
      for (const child of schema.children) call.output.text(schemaText(child, "\t"));
      call.output.line("}");
    }
    return EXIT.done;
  },
};

function schemaText(
  { name, repetition, type, logical, children }: SchemaNode,
  tabs: string,
): string {
  const note = logical === undefined ? "" : ` (${logical})`;
  if (type !== undefined) return `${tabs}${repetition} ${type.toLowerCase()} ${name}${note};\n`;
  const inner = children.map((child) => schemaText(child, `${tabs}\t`)).join("");
  return `${tabs}${repetition} group ${name}${note} {\n${inner}${tabs}}\n`;
}
