// Random dedicated columns of every scope, type and option, for blocks of either version; their keys are
// those that random requests use.
import fc from "fast-check";
import type { BlockFormat, DedicatedColumnMeta } from "../../model/block_meta.ts";
import {
  columnsOfFormat,
  type DedicatedAttributes,
  dedicatedAttributes,
} from "../../model/dedicated_attributes.ts";

const KEYS = ["a", "http.method", "http.status_code", "k8s.pod.name", "ключ", "nowhere"];

const column: fc.Arbitrary<DedicatedColumnMeta> = fc.record({
  s: fc.constantFrom("resource" as const, "span" as const, "event" as const),
  n: fc.constantFrom(...KEYS),
  t: fc.constantFrom("string" as const, "int" as const),
  o: fc.subarray(["array" as const, "blob" as const]),
});

export const dedications: fc.Arbitrary<DedicatedAttributes> = fc.record({
  columns: fc.uniqueArray(column, { selector: ({ s, n }) => `${s}.${n}`, maxLength: 12 }),
  format: fc.constantFrom<BlockFormat>("vParquet5", "vParquet4"),
}).map(({ columns, format }) => dedicatedAttributes(columnsOfFormat(columns, format), format));
