// Part of a trace: the spans that a TraceQL filter matches, with what stands above and below them.
import { InputError } from "../lib/errors.ts";
import { dedicatedAttributes } from "../model/dedicated_attributes.ts";
import { keepSpans, type SpanLink, spanLinks } from "../model/keep_spans.ts";
import { LiveView } from "../model/live_view.ts";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { SpanColumns } from "../model/span_columns.ts";
import { query as ask } from "../query/engine/mod.ts";
import { parseAndValidate, type Position, refusal } from "../query/traceql/mod.ts";
import { parseBool, parseInt64 } from "./go_text.ts";
import { checkSize, inWords } from "./query_text.ts";
import { named } from "./time_range.ts";

export interface TraceFilter {
  readonly query: string;
  /** Levels kept below a match; −1: all. */
  readonly matchDepth: number;
  /** Levels kept above a match; −1: all. */
  readonly ancestorDepth: number;
}

/** Undefined where the whole trace is asked for. */
export function parseTraceFilter(
  params: URLSearchParams,
  queryBytesMax: number,
): TraceFilter | undefined {
  const query = (params.get("q") ?? "").trim();
  const keepsHierarchy = valueOf(params, "keep_hierarchy", parseBool, false);
  const matchDepth = depthOf(params, "match_depth", 0);
  const ancestorDepth = depthOf(params, "ancestor_depth", -1);
  if (query === "") return undefined;
  checkSize(query, queryBytesMax);
  checkIsFilter(query);
  return { query, matchDepth, ancestorDepth: keepsHierarchy ? ancestorDepth : 0 };
}

export interface FilteredTrace {
  readonly otlp: Uint8Array;
  readonly isWhole: boolean;
}

export async function filterTrace(
  otlp: Uint8Array,
  filter: TraceFilter,
  signal: AbortSignal,
): Promise<FilteredTrace> {
  const links = spanLinks(otlp);
  const kept = withRelatives(
    await matches(otlp, links.length, filter.query, signal),
    links,
    filter,
  );
  const isWhole = links.every(({ spanId }) => kept.has(spanId));
  return isWhole ? { otlp, isWhole } : { otlp: keepSpans(otlp, kept), isWhole };
}

/** Span ids, found by the engine that searches too. */
async function matches(
  otlp: Uint8Array,
  spanCount: number,
  query: string,
  signal: AbortSignal,
): Promise<string[]> {
  const columns = new SpanColumns(dedicatedAttributes([]));
  new OtlpDecoder(columns).decode(otlp);
  const answer = await ask(
    {
      kind: "search",
      tenant: "",
      query,
      limit: spanCount + 1,
      spansPerSpanSet: spanCount + 1,
      startSeconds: 0,
      endSeconds: 0,
      mostRecent: false,
    },
    LiveView.of(columns),
    signal,
  );
  return answer.traces.flatMap(({ spanSets }) =>
    spanSets.flatMap(({ spans }) => spans.map(({ spanId }) => spanId))
  );
}

function withRelatives(
  matched: readonly string[],
  links: readonly SpanLink[],
  { matchDepth, ancestorDepth }: TraceFilter,
): Set<string> {
  const children = Map.groupBy(links, ({ parentId }) => parentId);
  const parents = new Map(links.map(({ spanId, parentId }) => [spanId, parentId]));
  const below = (spanId: string) => (children.get(spanId) ?? []).map((child) => child.spanId);
  const above = (spanId: string) => [parents.get(spanId) ?? ""].filter((id) => parents.has(id));
  return reachable(matched, below, matchDepth).union(reachable(matched, above, ancestorDepth));
}

/** `from` and all that is at most `depth` steps away; −1: any number. Loops end. */
function reachable(
  from: readonly string[],
  next: (spanId: string) => string[],
  depth: number,
): Set<string> {
  const reached = new Set(from);
  let edge = [...reached];
  for (let step = 0; step !== depth && edge.length > 0; step++) {
    edge = edge.flatMap(next).filter((spanId) => !reached.has(spanId));
    for (const spanId of edge) reached.add(spanId);
  }
  return reached;
}

function checkIsFilter(text: string): void {
  const words = "invalid TraceQL filter: failed to parse TraceQL spanset filter";
  const { query } = inWords(words, () => parseAndValidate(text));
  const refuse = (at: Position, got: string) =>
    refusal(
      at,
      `invalid TraceQL filter: only a single TraceQL filter is supported: got a ${got} query`,
    );
  if (query.node !== "pipeline") throw refuse(query.at, "metrics");
  const wrong = query.stages[0]!.node === "filter" ? query.stages[1] : query.stages[0];
  if (wrong !== undefined) throw refuse(wrong.at, "structural or aggregate");
}

function depthOf(params: URLSearchParams, name: string, otherwise: number): number {
  const parse = (text: string) => Number(parseInt64(text, "Atoi"));
  const depth = valueOf(params, name, parse, otherwise);
  if (depth >= -1) return depth;
  throw new InputError("invalid_argument", `invalid value for ${name}: must be >= -1`);
}

function valueOf<T>(
  params: URLSearchParams,
  name: string,
  parse: (text: string) => T,
  otherwise: T,
): T {
  const text = params.get(name) ?? "";
  return text === "" ? otherwise : named(name, () => parse(text), "invalid value for");
}
