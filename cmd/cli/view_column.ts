// view column: levels and values of some rows of one column.

import { readColumnPart } from "../../storage/mod.ts";
import { BLOCK, type Command, EXIT, TENANT } from "./command.ts";
import { readBlock } from "./listed_blocks.ts";
import { figure, oneLine, table } from "./table.ts";

const ROWS = 10;

export const viewColumn: Command = {
  name: "view column",
  summary: "levels and values of one column, row by row",
  details:
    "A row is a trace. A repetition level of 0 starts a row; a definition level below the\n" +
    "column's largest stands for something that is missing, told as ~.",
  args: [TENANT, BLOCK, { name: "column" }],
  flags: [
    { name: "row-group", kind: "text", value: "n", help: "from 0; the first if not given" },
    { name: "from-row", kind: "text", value: "n", help: "from 0; the first if not given" },
    { name: "rows", kind: "text", value: "n", help: `how many; ${ROWS} if not given` },
  ],
  async run(call) {
    const { args, flags, store, isJson, output } = call;
    const meta = await readBlock(call, args[0]!, args[1]!);
    const part = await readColumnPart(store, meta, {
      path: args[2]!,
      rowGroup: flags.natural("row-group", 0),
      fromRow: flags.natural("from-row", 0),
      rows: flags.natural("rows", ROWS),
    });
    if (isJson) {
      output.json(part);
      return EXIT.done;
    }
    output.line(
      `${part.path}: ${part.type}, levels up to ${part.repetitionMax}/${part.definitionMax}\n`,
    );
    output.text(table(
      [figure("ROW"), figure("R"), figure("D"), "VALUE"],
      part.entries.map(({ row, repetition, definition, value }) => [
        repetition === 0 ? String(row) : "",
        String(repetition),
        String(definition),
        value === null ? "~" : oneLine(value, 200),
      ]),
    ));
    return EXIT.done;
  },
};
