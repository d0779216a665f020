// The parameters of a metrics query, over a range or for an instant, as a request of the query engine.
// Rule: a range is laid on whole steps, so that the same query a second later tells the same points.
import { InputError } from "../lib/errors.ts";
import {
  alignedTo,
  autoStep,
  floorTo,
  type MetricsRequest,
  type NanoRange,
} from "../query/engine/mod.ts";
import { parse, printDuration, refusal, type RootExpr, validate } from "../query/traceql/mod.ts";
import { printGoDuration } from "./go_text.ts";
import { metricsTimes, parseStep } from "./metrics_times.ts";
import type { ApiOptions } from "./options.ts";
import { isExplained } from "./explanation.ts";
import { readBudget } from "./read_budget.ts";
import { checkSize, inWords } from "./query_text.ts";

export interface MetricsCaller {
  readonly tenant: string;
  readonly nowMs: number;
  /** 0: that of all tenants. */
  readonly maxMetricsDurationMs: number;
  readonly maxBytesPerQuery: number;
}

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;

export function parseMetricsParams(
  query: URLSearchParams,
  caller: MetricsCaller,
  options: ApiOptions,
  isInstant: boolean,
): MetricsRequest {
  const times = metricsTimes(query, caller.nowMs);
  const givenStep = isInstant ? undefined : parseStep(query);
  const text = query.get("q") || query.get("query") || "";
  const root = checkMetricsQuery(text, options.maxQueryBytes);
  checkRange(times, caller, options);
  const stepNano = givenStep ?? autoStep(times);
  if (!isInstant) checkStep(times, stepNano, options.metrics.maxIntervals);
  const range = isInstant
    ? upTo(times, newestNano(caller.nowMs, options))
    : steppedRange(times, stepNano, caller.nowMs, options);
  return {
    kind: "metrics",
    tenant: caller.tenant,
    query: text,
    ...range,
    stepNano: isInstant ? range.endNano - range.startNano : stepNano,
    isInstant,
    startSeconds: Number(floorTo(range.startNano, SECOND) / SECOND),
    endSeconds: Number(floorTo(range.endNano + SECOND - 1n, SECOND) / SECOND),
    exemplars: isInstant ? 0 : exemplarsWanted(query, root, options.metrics.maxExemplars),
    maxSeries: leastBound(count(query, "maxSeries"), options.metrics.maxResponseSeries),
    ...readBudget(root, caller.maxBytesPerQuery),
    ...(isExplained(query) && { isExplained: true }),
  };
}

function checkMetricsQuery(text: string, bytesMax: number): RootExpr {
  checkSize(text, bytesMax);
  // The peer has no place to tell where nothing is.
  if (text === "") {
    throw refusal({ line: 1, column: 1 }, "parse error : syntax error: unexpected $end");
  }
  const root = parse(text);
  if (root.query.node === "pipeline") throw refusal(root.query.at, "not a metrics query");
  inWords("compiling query", () => validate(root));
  return root;
}

function checkRange(
  { startNano, endNano }: NanoRange,
  caller: MetricsCaller,
  options: ApiOptions,
): void {
  if (endNano <= startNano) throw refused("end must be greater than start");
  if (startNano >= newestNano(caller.nowMs, options)) throw allTooNew();
  const maxDurationMs = caller.maxMetricsDurationMs || options.metrics.maxDurationMs;
  if (maxDurationMs === 0 || endNano - startNano <= BigInt(maxDurationMs) * MILLISECOND) return;
  throw refused(
    "metrics query time range exceeds the maximum allowed duration of " +
      printGoDuration(maxDurationMs),
  );
}

function checkStep({ startNano, endNano }: NanoRange, stepNano: bigint, intervalsMax: number) {
  const range = endNano - startNano;
  const least = intervalsMax === 0
    ? 1n
    : (range + BigInt(intervalsMax) - 1n) / BigInt(intervalsMax);
  if (stepNano >= least) return;
  throw refused(
    `step of ${printDuration(stepNano)} is too small, minimum step for given range is ` +
      printDuration(least),
  );
}

/** With no cutoff, the interval that is running belongs to the range. */
function steppedRange(
  times: NanoRange,
  stepNano: bigint,
  nowMs: number,
  options: ApiOptions,
): NanoRange {
  const newest = newestNano(nowMs, options);
  if (options.queryEndCutoffMs === 0) return alignedTo(upTo(times, newest), stepNano);
  const range = upTo(alignedTo(times, stepNano), floorTo(newest, stepNano));
  if (range.endNano <= range.startNano) throw allTooNew();
  return range;
}

const upTo = ({ startNano, endNano }: NanoRange, newest: bigint): NanoRange => ({
  startNano,
  endNano: endNano < newest ? endNano : newest,
});

function newestNano(nowMs: number, { queryEndCutoffMs }: ApiOptions): bigint {
  return BigInt(nowMs - queryEndCutoffMs) * MILLISECOND;
}

/** A hint in the query goes before the parameter; 0, or nothing said, is as many as there may be. */
function exemplarsWanted(query: URLSearchParams, { hints }: RootExpr, max: number): number {
  const hint = hints.find(({ name }) => name === "exemplars")?.value;
  if (hint?.type === "bool") return hint.value ? max : 0;
  const wanted = hint?.type === "int" ? Number(hint.value) : count(query, "exemplars");
  return wanted <= 0 ? max : Math.min(wanted, max);
}

/** What is no count is as if nothing was said. */
function count(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
}

/** Of bounds of which 0 is none. */
function leastBound(a: number, b: number): number {
  return a === 0 ? b : b === 0 ? a : Math.min(a, b);
}

const allTooNew = () => refused("query window falls entirely within query_end_cutoff");
const refused = (why: string) => new InputError("invalid_argument", why);
