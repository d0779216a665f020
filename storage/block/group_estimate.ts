// What a row group weighs by the peer's estimate (row_group_ranges.ts), from its footer alone: how many
// values columns have says how many resources, scopes, attributes, events and links there are. It is exact
// for the whole group but for ids of other sizes than usual; rows are taken to weigh alike by their spans.

import type { RowGroup } from "../parquet/metadata.ts";
import { WEIGHTS } from "./row_group_ranges.ts";

const SPANS = "rs.ss.Spans.";

export function estimatedBytes(group: RowGroup): number {
  const count = (path: string) => {
    const chunk = group.chunks.get(path);
    return chunk === undefined ? 0 : chunk.valueCount - (chunk.statistics.nullCount ?? 0);
  };
  const attributes = (list: string) => WEIGHTS.attribute * count(`${list}Attrs.Key`);
  const spans = count(`${SPANS}Kind`);
  const events = count(`${SPANS}Events.Name`);
  const links = count(`${SPANS}Links.TraceID`);
  return group.rows * WEIGHTS.trace +
    count("rs.Resource.ServiceName") * WEIGHTS.resource + attributes("rs.Resource.") +
    count("rs.ss.Scope.Name") * WEIGHTS.scope + attributes("rs.ss.Scope.") +
    spans * (WEIGHTS.span + 2 * WEIGHTS.spanId) + attributes(SPANS) +
    events * WEIGHTS.event + attributes(`${SPANS}Events.`) +
    links * (WEIGHTS.link + WEIGHTS.traceId + WEIGHTS.spanId) + attributes(`${SPANS}Links.`);
}
