// All attributes that `compare()` tells of, as one small column each over the spans of a view: which of
// its values a span has. Attributes with too many values are only named.
// A block's row group has some sixty such columns; those that few spans have are lists of the spans
// that do. 80,000 spans of the bench's shop take 5 MB.

import type { SpanView } from "../../../model/span_view.ts";
import {
  type AttributeScope,
  type IntrinsicName,
  printReference,
  type Reference,
} from "../../traceql/mod.ts";
import type { ResultValue } from "../query_request.ts";
import { freshColumn } from "./group_column.ts";
import type { GroupColumn } from "./label_column.ts";

/** Of one attribute, in all parts together; more are not worth comparing. */
export const VALUES_MAX = 1000;

export interface ComparedColumn {
  readonly attribute: string;
  /** By code; undefined is nil, which is not counted. */
  readonly labels: readonly (ResultValue | undefined)[];
  /** By code, equal for equal labels. */
  readonly keys: readonly string[];
  /** Spans that have each. */
  readonly counts: Int32Array;
  readonly codes:
    | { readonly form: "bytes"; readonly bySpan: Uint8Array }
    | { readonly form: "shorts"; readonly bySpan: Uint16Array }
    /** Owners ascend, and others are nil. */
    | { readonly form: "list"; readonly owners: Int32Array; readonly byOwner: Uint16Array };
}

export interface ComparedColumns {
  readonly columns: readonly ComparedColumn[];
  /** Those that have too many values, should all spans be asked about. */
  readonly crowded: readonly Reference[];
}

export function comparedColumns(view: SpanView): Promise<ComparedColumns> {
  return view.derived("compared", async () => {
    const columns: ComparedColumn[] = [];
    const crowded: Reference[] = [];
    let sizeBytes = 0;
    for (const ref of await comparedReferences(view)) {
      const column = await freshColumn(view, ref, { rows: undefined, count: view.spanCount });
      if (column.size > VALUES_MAX + 1) crowded.push(ref);
      else {
        const compared = comparedColumn(printReference(ref), column);
        columns.push(compared);
        sizeBytes += sizeOf(compared);
      }
    }
    return { value: { columns, crowded }, sizeBytes };
  });
}

const AT = { line: 0, column: 0 };

/** Not those that differ from span to span: ids, durations, places in the tree. */
const INTRINSICS: readonly IntrinsicName[] = [
  "name",
  "status",
  "statusMessage",
  "kind",
  "rootName",
  "rootServiceName",
  "span:childCount",
  "instrumentation:name",
  "instrumentation:version",
];
/** Events and links are many a span, and have no one value to count it under. */
const SCOPES = ["resource", "span", "instrumentation"] as const;

async function comparedReferences(view: SpanView): Promise<Reference[]> {
  const refs: Reference[] = INTRINSICS.map((name) => ({ node: "intrinsic", name, at: AT }));
  for (const scope of SCOPES) {
    for (const name of (await view.attributeKeys(scope)).sort()) {
      refs.push({ node: "attribute", scope: scope satisfies AttributeScope, name, at: AT });
    }
  }
  return refs;
}

function comparedColumn(attribute: string, column: GroupColumn): ComparedColumn {
  const { codes, size } = column;
  const labels: (ResultValue | undefined)[] = [];
  const keys: string[] = [];
  let nil = -1;
  for (let code = 0; code < size; code++) {
    const label = column.label(code);
    labels.push(label);
    keys.push(column.key(code));
    if (label === undefined) nil = code;
  }
  const counts = new Int32Array(size);
  for (let row = 0; row < codes.length; row++) counts[codes[row]!]!++;
  const owners = codes.length - (nil < 0 ? 0 : counts[nil]!);
  const isSmall = size <= 256;
  if (owners * LIST_BYTES < codes.length * (isSmall ? 1 : 2)) {
    return { attribute, labels, keys, counts, codes: listOf(codes, nil, owners) };
  }
  return {
    attribute,
    labels,
    keys,
    counts,
    codes: isSmall
      ? { form: "bytes", bySpan: Uint8Array.from(codes) }
      : { form: "shorts", bySpan: Uint16Array.from(codes) },
  };
}

const LIST_BYTES = 6;

function listOf(codes: Int32Array, nil: number, count: number): ComparedColumn["codes"] {
  const owners = new Int32Array(count);
  const byOwner = new Uint16Array(count);
  let at = 0;
  for (let row = 0; row < codes.length; row++) {
    if (codes[row] === nil) continue;
    owners[at] = row;
    byOwner[at++] = codes[row]!;
  }
  return { form: "list", owners, byOwner };
}

const LABEL_BYTES = 200;

function sizeOf({ codes, labels }: ComparedColumn): number {
  const bytes = codes.form === "list"
    ? codes.owners.byteLength + codes.byOwner.byteLength
    : codes.bySpan.byteLength;
  return bytes + labels.length * LABEL_BYTES;
}
