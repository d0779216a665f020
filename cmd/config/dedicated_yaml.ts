// Dedicated columns as the configuration wants them.

import { stringify } from "yaml";
import type { DedicatedColumnMeta } from "../../model/block_meta.ts";

export function dedicatedYaml(columns: readonly DedicatedColumnMeta[]): string {
  const parquet_dedicated_columns = columns.map(({ s, n, t, o }) => ({
    scope: s ?? "span",
    name: n,
    type: t ?? "string",
    ...o === undefined || o.length === 0 ? {} : { options: o },
  }));
  return stringify({ storage: { trace: { block: { parquet_dedicated_columns } } } }, {
    collectionStyle: "any",
    lineWidth: 0,
  });
}
