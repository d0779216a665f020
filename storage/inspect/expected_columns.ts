// Whether a file has the columns that its meta.json promises, in the order the format wants. Tempo
// puts the schema that follows from the meta over the file, so one column too few or in another place
// makes a block unreadable there.

import type { BlockMeta } from "../../model/block_meta.ts";
import { blockSchema } from "../block/block_schema.ts";
import { dedicatedOfBlock } from "../block/dedicated_columns.ts";
import type { FooterDetails } from "./footer_details.ts";

/** What is wrong, in words; only of formats that are written here. */
export function wrongColumns(meta: BlockMeta, { leaves }: FooterDetails): string[] {
  if (meta.format !== "vParquet5" && meta.format !== "vParquet4") return [];
  const expected = blockSchema(dedicatedOfBlock(meta)).leaves.map(({ column }) => column);
  const present = leaves.map(({ path }) => path);
  const missing = expected.filter((path) => !present.includes(path));
  const foreign = present.filter((path) => !expected.includes(path));
  if (missing.length + foreign.length > 0) {
    return [
      ...missing.map((path) => `no column ${path}`),
      ...foreign.map((path) => `column ${path} is not of the format`),
    ];
  }
  const wrong = expected.findIndex((path, i) => path !== present[i]);
  return wrong < 0 ? [] : [`column ${present[wrong]} where ${expected[wrong]} should be`];
}
