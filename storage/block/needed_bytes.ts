// What reading some columns of a row group takes, from the footer alone: an estimate before anything is
// read, as if nothing were cached.
import type { RowGroup } from "../parquet/metadata.ts";
import type { AttributeScope, Need, NeededColumn } from "../../model/span_view.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";

const SPANS = "rs.ss.Spans.";

/** Columns by their paths, or by what their paths begin with. */
const PATHS: Readonly<Record<NeededColumn, readonly string[]>> = {
  traces: [
    ...["TraceID", "StartTimeUnixNano", "EndTimeUnixNano", "RootServiceName", "RootSpanName"],
    "ServiceStats.",
  ],
  nesting: [SPANS + "Kind"],
  services: ["rs.Resource.ServiceName"],
  scopeNames: ["rs.ss.Scope.Name"],
  scopeVersions: ["rs.ss.Scope.Version"],
  names: [SPANS + "Name"],
  statusMessages: [SPANS + "StatusMessage"],
  kinds: [SPANS + "Kind"],
  statusCodes: [SPANS + "StatusCode"],
  startUnixNano: [SPANS + "StartTimeUnixNano"],
  durationNano: [SPANS + "DurationNano"],
  spanIds: [SPANS + "SpanID"],
  parentIds: [SPANS + "ParentSpanID"],
  nestedSets: ["NestedSetLeft", "NestedSetRight", "ParentID", "ChildCount"].map((leaf) =>
    SPANS + leaf
  ),
  events: [SPANS + "Events.Name", SPANS + "Events.TimeSinceStartNano"],
  links: [SPANS + "Links.SpanID", SPANS + "Links.TraceID"],
};

const LISTS: Readonly<Record<AttributeScope, string>> = {
  resource: "rs.Resource.Attrs.",
  instrumentation: "rs.ss.Scope.Attrs.",
  span: SPANS + "Attrs.",
  event: SPANS + "Events.Attrs.",
  link: SPANS + "Links.Attrs.",
};

export function neededBytes(
  group: RowGroup,
  dedicated: readonly DedicatedColumn[],
  needs: readonly Need[],
): number {
  const paths = new Set(needs.flatMap((need) => pathsOf(need, dedicated)));
  let bytes = 0;
  for (const [path, { sizeBytes }] of group.chunks) {
    const isNeeded = paths.has(path) ||
      [...paths].some((start) => start.endsWith(".") && path.startsWith(start));
    if (isNeeded) bytes += sizeBytes;
  }
  return bytes;
}

function pathsOf(need: Need, dedicated: readonly DedicatedColumn[]): readonly string[] {
  if ("column" in need) return PATHS[need.column];
  const list = LISTS[need.scope];
  const own = (key?: string) =>
    dedicated.filter((column) =>
      column.scope === need.scope && (key === undefined || column.key === key)
    ).map(({ path }) => path);
  if ("all" in need) return need.all === "keys" ? [list + "Key"] : [list, ...own()];
  const isService = need.scope === "resource" && need.key === "service.name";
  const columns = isService ? PATHS.services : own(need.key);
  // A key with a column of its own is in the list only where it has another type.
  return columns.length > 0 ? [...columns, list + "Key"] : [list];
}
