// What the simulated cluster is asked: each question goes through the real frontend and engine.
import { UnavailableError } from "../../lib/errors.ts";
import {
  type AnswerOf,
  mergeAnswers,
  type MetricsAnswer,
  type MetricsRequest,
  type SearchRequest,
} from "../../query/engine/mod.ts";
import { spanIdOf, traceIdOf } from "../support/records.ts";
import { spansOf } from "./cluster_checks.ts";
import { TENANT } from "./cluster_ground.ts";
import type { Questions } from "./cluster_querier.ts";

const NEVER = new AbortController().signal;
const SECOND_NANO = 1_000_000_000n;

/** Ids of the spans of a trace. */
export async function spansById({ frontend }: Questions, trace: number): Promise<string[]> {
  const found = await frontend.findTrace(TENANT, traceIdOf(trace), NEVER);
  if (found === undefined) return [];
  if (found.partialBecause !== "") throw new UnavailableError(found.partialBecause);
  return spansOf(found.otlp).map((span) => spanIdOf(span).toHex());
}

/** Of these spans, each of a trace of its own, the ids that a search finds. */
export async function spansBySearch(
  { frontend }: Questions,
  spans: readonly number[],
): Promise<string[]> {
  const ids = spans.map((span) => `span:id = "${spanIdOf(span).toHex()}"`);
  const request: SearchRequest = {
    kind: "search",
    tenant: TENANT,
    query: `{ ${ids.join(" || ")} }`,
    limit: spans.length + 5,
    spansPerSpanSet: 10,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
  };
  const { answer } = await frontend.search(request, NEVER);
  return answer.traces.flatMap(({ spanSets }) =>
    spanSets.flatMap(({ spans }) => spans.map(({ spanId }) => spanId))
  );
}

export type Whom = "everything" | "live" | "blocks";

/** How often spans that began in that time are counted, by their number. */
export async function spansByMetrics(
  { frontend, live, blocks }: Questions,
  whom: Whom,
  fromMs: number,
  toMs: number,
): Promise<Map<number, number>> {
  const startSeconds = Math.floor(fromMs / 1000);
  const endSeconds = Math.ceil(toMs / 1000);
  const startNano = BigInt(startSeconds) * SECOND_NANO;
  const endNano = BigInt(endSeconds) * SECOND_NANO;
  const request: MetricsRequest = {
    kind: "metrics",
    tenant: TENANT,
    query: "{ } | count_over_time() by (span.number)",
    startNano,
    endNano,
    stepNano: endNano - startNano,
    isInstant: true,
    startSeconds,
    endSeconds,
    exemplars: 0,
    maxSeries: 0,
  };
  if (whom === "everything") return countsOf((await frontend.metrics(request, NEVER)).answer);
  if (whom === "blocks") return countsOf((await blocks.query(request, NEVER)).answer);
  const answers: AnswerOf<MetricsRequest>[] = await live.query(request, NEVER);
  return countsOf(mergeAnswers(request, answers));
}

function countsOf({ leaves }: MetricsAnswer): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { labels, values } of leaves.flatMap(({ series }) => series)) {
    const value = labels[0]?.value;
    if (value === undefined || !("intValue" in value)) continue;
    const count = values.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : one), 0);
    counts.set(Number(value.intValue), count);
  }
  return counts;
}
