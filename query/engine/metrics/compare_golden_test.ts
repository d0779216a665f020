// The peer's recorded answers to `compare()`. Which of equally frequent values are told is anybody's
// choice, so each told value is looked up among all of ours, and the sizes of the chosen are compared.
// Known differences: the peer counts nil as a value of attributes with a column of their own (it then
// takes one of the places, and is in the total), and counts `resource.service.name` several times.

import assert from "node:assert/strict";
import { LiveView } from "../../../model/live_view.ts";
import { recordings } from "../../../tests/support/golden_http.ts";
import { goldenSpans } from "../../../tests/support/golden_spans.ts";
import type { ResultAttribute } from "../query_request.ts";
import { query } from "../execute.ts";
import { finishMetrics } from "./finish_metrics.ts";
import { labelKey, type MetricsRequest } from "./metrics_answer.ts";
import { alignedTo } from "./time_grid.ts";

const signal = new AbortController().signal;
const SECOND = 1_000_000_000n;
const RANGE = { startNano: 1_767_268_800n * SECOND, endNano: 1_767_272_400n * SECOND };

interface Line {
  readonly side: string;
  readonly key: string;
  readonly value: string;
  readonly points: readonly number[];
}

const sizeOf = ({ points }: Line) => points.reduce((a, b) => a + b, 0);
const NIL = labelKey({ stringValue: "nil" });

function requestOf(text: string, isInstant: boolean): MetricsRequest {
  const step = 600n * SECOND;
  return {
    kind: "metrics",
    tenant: "t",
    query: text,
    ...(isInstant ? RANGE : alignedTo(RANGE, step)),
    stepNano: isInstant ? RANGE.endNano - RANGE.startNano : step,
    isInstant,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 0,
    maxSeries: 0,
  };
}

function line(labels: readonly ResultAttribute[], points: readonly number[]): Line {
  const meta = labels.find(({ key }) => key === "__meta_type")!;
  const other = labels.find((label) => label !== meta)!;
  const side = (meta.value as { stringValue: string }).stringValue;
  return { side, key: other.key, value: labelKey(other.value), points };
}

async function linesOf(view: LiveView, request: MetricsRequest): Promise<Line[]> {
  const { series } = finishMetrics(request, await query(request, view, signal));
  return series.map(({ labels, samples }) => line(labels, samples.map(({ value }) => value)));
}

Deno.test("compare() counts what the peer's recorded answers count", async () => {
  const view = LiveView.of(goldenSpans());
  let compared = 0;
  for (const { name, path, group, body } of await recordings("metrics-queries.jsonl.gz")) {
    if (!name.includes("compare(")) continue;
    const isInstant = group === "instant";
    const text = new URL(path, "http://x").searchParams.get("q")!;
    const top = Number(/\}, (\d+)/.exec(text)?.[1] ?? 10);
    const all = text.replace(/\}(?:, \d+)?([^}]*)\)$/, "}, 1000$1)");
    const ours = await linesOf(view, requestOf(all, isInstant));
    const told = await linesOf(view, requestOf(text, isInstant));
    // deno-lint-ignore no-explicit-any
    const peers: Line[] = JSON.parse(body!).series.map(({ labels, samples, value }: any) =>
      line(
        labels,
        isInstant ? [value ?? 0] : samples.map((one: { value?: number }) => one.value ?? 0),
      )
    ).filter(({ key }: Line) => key !== "resource.service.name");
    const isTotal = ({ side }: Line) => side.endsWith("_total");
    const values = peers.filter((one) => !isTotal(one) && one.value !== NIL);
    for (const one of values) {
      const own = ours.find(({ side, key, value }) =>
        side === one.side && key === one.key && value === one.value
      );
      assert.deepEqual(own?.points, one.points, `${name}: ${one.side} ${one.key} ${one.value}`);
      compared++;
    }
    for (const side of ["baseline", "selection"]) {
      const keys = new Set(values.filter((one) => one.side === side).map(({ key }) => key));
      const toldKeys = new Set(told.filter((one) => one.side === side).map(({ key }) => key));
      toldKeys.delete("resource.service.name");
      assert.deepEqual([...toldKeys].sort(), [...keys].sort(), `${name}: ${side}`);
      for (const key of keys) {
        const of = (lines: readonly Line[]) =>
          lines.filter((one) => one.side === side && one.key === key);
        const sizes = of(told).map(sizeOf).sort((a, b) => b - a);
        assert.ok(sizes.length <= top);
        const theirs = of(values).map(sizeOf).sort((a, b) => b - a);
        assert.deepEqual(sizes.slice(0, theirs.length), theirs, `${name}: ${side} ${key}`);
        const nil = of(peers).find(({ value }) => value === NIL);
        if (nil === undefined && of(peers).length >= top) continue; // it may be in the total
        const total = (lines: readonly Line[]) =>
          lines.find((one) => one.side === `${side}_total` && one.key === key)!.points;
        const expected = total(peers).map((count, i) => count - (nil?.points[i] ?? 0));
        assert.deepEqual(total(told), expected, `${name}: total of ${side} ${key}`);
      }
    }
  }
  assert.ok(compared > 400, `${compared} compared`);
});
