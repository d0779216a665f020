// The peer's recorded answers to metrics queries, against ours over the same traces in memory.
// Series are a set by labels, values are equal within 1e-9, exemplars are examples.

import assert from "node:assert/strict";
import { LiveView } from "../../../model/live_view.ts";
import { recordings } from "../../../tests/support/golden_http.ts";
import { goldenSpans } from "../../../tests/support/golden_spans.ts";
import { query } from "../execute.ts";
import { finishMetrics, type MetricsResult } from "./finish_metrics.ts";
import { labelKey, type MetricsRequest } from "./metrics_answer.ts";
import { alignedTo, autoStep } from "./time_grid.ts";

const signal = new AbortController().signal;

// deno-lint-ignore no-explicit-any
type Json = any;

/** By name of the recording: why ours is another. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  '{ resource.service.name = "arrays" } | count_over_time() by (span.s)':
    "the peer tells two series with the same labels apart by an array that neither shows",
  '{ resource.service.name = "numbers" } | sum_over_time(span.mix)':
    "a text among the values makes the peer's sum not a number; only numbers are added",
  "{} | count_over_time() by (span.http.status_code)":
    "the peer has a column of whole numbers for it and does not see texts and floats",
  "maxSeries 3": "which series are left out is anybody's choice; ours are the last in order",
};

function nanoOf(text: string): bigint {
  if (text.includes("T")) return BigInt(Date.parse(text)) * 1_000_000n;
  if (text.includes(".")) return BigInt(Math.round(Number(text) * 1000)) * 1_000_000n;
  return text.length <= 10 ? BigInt(text) * 1_000_000_000n : BigInt(text);
}

function requestOf(path: string): MetricsRequest {
  const url = new URL(path, "http://x");
  const params = url.searchParams;
  const range = { startNano: nanoOf(params.get("start")!), endNano: nanoOf(params.get("end")!) };
  const isInstant = url.pathname === "/api/metrics/query";
  const text = params.get("step") ?? "";
  const step = text === "" ? autoStep(range) : BigInt(parseInt(text)) * 1_000_000_000n;
  return {
    kind: "metrics",
    tenant: "t",
    query: params.get("q") ?? params.get("query")!,
    ...(isInstant ? range : alignedTo(range, step)),
    stepNano: isInstant ? range.endNano - range.startNano : step,
    isInstant,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: isInstant ? 0 : 100,
    maxSeries: Number(params.get("maxSeries") ?? 0),
  };
}

Deno.test("metrics queries answer as the peer's recorded ones do", async () => {
  const view = LiveView.of(goldenSpans());
  const wrong: string[] = [];
  const stale = new Set(Object.keys(DIFFERENCES));
  let equal = 0;
  for (const { name, group, path, status, body } of await recordings("metrics-queries.jsonl.gz")) {
    if (status !== 200 || name.includes("compare(")) continue;
    const request = requestOf(path);
    const result = finishMetrics(request, await query(request, view, signal));
    const why = difference(ours(result), peers(JSON.parse(body!), group === "instant"));
    if (name in DIFFERENCES) {
      if (why !== undefined) stale.delete(name);
    } else if (why === undefined) equal++;
    else wrong.push(`${group} ${name}: ${why}`);
  }
  assert.equal(wrong.length, 0, `${equal} equal, ${wrong.length} differ:\n${wrong.join("\n")}`);
  assert.deepEqual([...stale], [], "differences that are none");
  assert.ok(equal > 90, `only ${equal} compared`);
});

type Told = ReadonlyMap<string, ReadonlyMap<number, number>>;

function ours({ series }: MetricsResult): Told {
  return new Map(series.map(({ labels, samples }) => [
    labels.map(({ key, value }) => `${key}=${labelKey(value)}`).sort().join(" "),
    new Map(samples.map(({ timestampMs, value }) => [timestampMs, value])),
  ]));
}

function peers({ series }: Json, _isInstant: boolean): Told {
  return new Map((series ?? []).map(({ labels, samples, value }: Json) => [
    labels.map((label: Json) => `${label.key}=${labelKey(label.value)}`).sort().join(" "),
    new Map(
      samples === undefined
        ? [[-1, Number(value ?? 0)]]
        : samples.map((one: Json) => [Number(one.timestampMs ?? 0), Number(one.value ?? 0)]),
    ),
  ]));
}

function difference(own: Told, expected: Told): string | undefined {
  for (const key of new Set([...own.keys(), ...expected.keys()])) {
    const [a, b] = [own.get(key), expected.get(key)];
    const told = `${key}\n  ours ${text(a)}\n  peer ${text(b)}`;
    if (a === undefined || b === undefined || a.size !== b.size) return told;
    for (const [at, value] of b) {
      const other = at === -1 ? [...a.values()][0]! : a.get(at);
      if (other === undefined || !isNear(other, value)) return told;
    }
  }
  return undefined;
}

const isNear = (a: number, b: number) =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-9 * Math.abs(b);
const text = (points: ReadonlyMap<number, number> | undefined) =>
  points && [...points].map(([at, value]) => `${at}:${value}`).join(" ").slice(0, 400);
