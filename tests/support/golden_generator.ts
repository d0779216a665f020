// What remote write received of eight tenants with different settings (tests/golden/metrics), and whether series
// are the same: every name, label, value, native histogram and exemplar.
// Differences are allowed here only, each with its reason.
import assert from "node:assert/strict";

import type { NativeHistogram } from "../../generator/mod.ts";

export const GOLDEN_METRICS = new URL("../golden/metrics/", import.meta.url);
/** The load's times are relative to it: what was sent two seconds later was sent at once. */
export const T0_MS = 1_767_268_800_000;
/** Where in the minute before a new counter is 0. */
const ZERO_MS = 59_000;
const EXEMPLARS_RECORDED_MAX = 6;

export interface GoldenSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly sample_values_in_time_order?: readonly number[];
  readonly first_sample_ms_within_minute?: number;
  readonly native_histogram?: GoldenNative;
  readonly exemplars?: readonly { labels: Record<string, string>; value: number }[];
}

interface GoldenNative {
  readonly count: number;
  readonly sum?: number;
  readonly schema: number;
  readonly zero_threshold: number;
  readonly zero_count: number;
  readonly positive_spans?: readonly (readonly [offset: number, length: number])[];
  readonly positive_deltas?: readonly number[];
}

/** What all collections say of a series. */
export interface MadeSeries {
  readonly values: (number | NativeHistogram)[];
  readonly exemplars: {
    readonly traceLabel: string;
    readonly traceId: string;
    readonly value: number;
  }[];
  readonly firstMs: number;
}

export async function goldenTenants(): Promise<Record<string, GoldenSeries[]>> {
  const file = Deno.readFileSync(new URL("generator.json.gz", GOLDEN_METRICS));
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()).tenants;
}

/** By `seriesName`. Without times of collections the load may have come in several of them. */
export function assertGolden(
  tenant: string,
  made: ReadonlyMap<string, MadeSeries>,
  golden: readonly GoldenSeries[],
  collectedMs?: readonly number[],
): void {
  const wanted = new Map(golden.map((one) => [seriesName(one.name, one.labels), one]));
  const missing = [...wanted.keys()].filter((key) => !made.has(key));
  const more = [...made.keys()].filter((key) => !wanted.has(key) && !isAllowed(tenant, key));
  assert.deepEqual({ missing, more }, { missing: [], more: [] }, tenant);
  for (const [key, one] of wanted) compare(key, made.get(key)!, one, collectedMs);
}

export function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1);
  return `${name}{${sorted.map(([label, value]) => `${label}=${JSON.stringify(value)}`)}}`;
}

/**
 * `options`: its service graph was recorded at one collection only and then no more, with no marks of an
 * end: that instance lost its graph when settings were reconciled. So no half ever waited long enough to
 * become an edge to a node that does not show. Those edges are in five other tenants.
 */
function isAllowed(tenant: string, key: string): boolean {
  return tenant === "options" && key.includes('connection_type="virtual_node"');
}

function compare(
  key: string,
  made: MadeSeries,
  wanted: GoldenSeries,
  collectedMs: readonly number[] | undefined,
): void {
  const { value, sample_values_in_time_order: values, native_histogram: native } = wanted;
  const exemplars = wanted.exemplars ?? [];
  if (native !== undefined) compareNative(key, made.values.at(-1) as NativeHistogram, native);
  if (value !== undefined) {
    near(made.values.at(-1) as number, value, key);
    const beginsBefore = wanted.first_sample_ms_within_minute === ZERO_MS;
    if (beginsBefore) assert.equal(made.values[0], 0, key);
    assert.equal(made.firstMs % 60_000 === ZERO_MS, beginsBefore, key);
    if (collectedMs !== undefined) {
      const mine = changes(made.values as number[]);
      const recorded = changes(values ?? []);
      assert.equal(mine.length, recorded.length, `${key}: ${mine} is not ${recorded}`);
      for (const [i, v] of recorded.entries()) near(mine[i]!, v, key);
      const isWhen = beginsBefore
        ? made.firstMs === T0_MS - 60_000 + ZERO_MS
        : collectedMs.includes(made.firstMs);
      assert.ok(isWhen, `${key}: ${made.firstMs}`);
    }
  }
  assert.ok(exemplars.length === 0 || made.exemplars.length > 0, `${key}: no exemplars`);
  // Which span stands for a bucket is free; that it was one of those recorded there is not.
  if (exemplars.length === EXEMPLARS_RECORDED_MAX) return; // the recorded list is cut
  for (const { traceLabel, traceId, value } of made.exemplars) {
    const isRecorded = exemplars.some(({ labels, value: recorded }) =>
      labels[traceLabel]?.startsWith(traceId) && Math.abs(recorded - value) <= 1e-9
    );
    assert.ok(isRecorded, `${key}: ${value} of ${traceId}`);
  }
}

function changes(values: readonly number[]): readonly number[] {
  return values.filter((value, i) => i === 0 || value !== values[i - 1]);
}

function compareNative(key: string, made: NativeHistogram, wanted: GoldenNative): void {
  assert.deepEqual({
    count: made.count,
    schema: made.schema,
    zero_threshold: made.zeroThreshold,
    zero_count: made.zeroCount,
    positive_spans: made.positive.spans.map(({ offset, length }) => [offset, length]),
    positive_deltas: made.positive.deltas,
  }, {
    count: wanted.count,
    schema: wanted.schema,
    zero_threshold: wanted.zero_threshold,
    zero_count: wanted.zero_count,
    positive_spans: wanted.positive_spans ?? [],
    positive_deltas: wanted.positive_deltas ?? [],
  }, key);
  near(made.sum, wanted.sum ?? 0, key);
}

function near(made: number, wanted: number, key: string): void {
  const isNear = Math.abs(made - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted));
  assert.ok(isNear, `${key}: ${made} is not ${wanted}`);
}
