// The peer's recorded answers to searches, against ours over the same traces in memory.
// Where we differ on purpose, golden_differences.ts says why; everything else must be equal.

import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { LiveView } from "../../model/live_view.ts";
import { recordings } from "../../tests/support/golden_http.ts";
import { goldenSpans } from "../../tests/support/golden_spans.ts";
import { query } from "./execute.ts";
import { searchDifferences } from "./golden_differences.ts";
import type { ResultAttribute, ResultTrace } from "./mod.ts";

const signal = new AbortController().signal;

Deno.test("searches answer as the peer's recorded ones do", async () => {
  const view = LiveView.of(goldenSpans());
  const wrong: string[] = [];
  const stale = new Set(Object.keys(searchDifferences));
  let equal = 0;
  for (const { name, path, status, body } of await recordings("search.jsonl.gz")) {
    const params = new URL(path, "http://x").searchParams;
    const text = params.get("q");
    if (text === null || body === undefined) continue;
    const expected = status === 200 ? toldByPeer(JSON.parse(body).traces) : `status ${status}`;
    const told = await answer(view, params);
    const isEqual = JSON.stringify(told) === JSON.stringify(expected);
    if (name in searchDifferences) {
      if (!isEqual) stale.delete(name);
    } else if (isEqual) equal++;
    else wrong.push(`${name}${difference(told, expected)}`);
  }
  assert.equal(wrong.length, 0, `${equal} equal, ${wrong.length} differ:\n${wrong.join("\n")}`);
  assert.deepEqual([...stale], [], "differences that are none");
  assert.ok(equal > 195, `only ${equal} compared`);
});

async function answer(view: LiveView, params: URLSearchParams): Promise<unknown> {
  try {
    const { traces } = await query(
      {
        kind: "search",
        tenant: "t",
        query: params.get("q")!,
        limit: Number(params.get("limit") ?? 20),
        spansPerSpanSet: Number(params.get("spss") ?? 3),
        startSeconds: Number(params.get("start") ?? 0),
        endSeconds: Number(params.get("end") ?? 0),
        mostRecent: false,
      },
      view,
      signal,
    );
    const starts = traces.map(({ startUnixNano }) => startUnixNano);
    assert.deepEqual(starts, starts.toSorted((a, b) => a > b ? -1 : a < b ? 1 : 0));
    return told(traces);
  } catch (error) {
    if (error instanceof InputError) return "status 400";
    throw error;
  }
}

const NO_ROOT = "<root span not yet received>";

function told(traces: readonly ResultTrace[]): unknown {
  return byKey(traces.map((trace) => ({
    key: trace.traceId.replace(/^0+/, ""),
    root: [trace.rootServiceName || NO_ROOT, trace.rootTraceName || NO_ROOT],
    start: String(trace.startUnixNano),
    durationMs: Number(trace.durationNano / 1_000_000n),
    stats: Object.entries(trace.serviceStats)
      .map(([name, { spanCount, errorCount }]) => `${name} ${spanCount} ${errorCount}`).sort(),
    sets: byKey(trace.spanSets.map((set) => ({
      key: attributes(set.attributes),
      matched: set.matched,
      spans: byKey(set.spans.map((span) => ({
        key: span.spanId,
        name: span.name ?? "",
        start: String(span.startUnixNano),
        duration: String(span.durationNano),
        attributes: attributes(span.attributes),
      }))),
    }))),
  })));
}

// deno-lint-ignore no-explicit-any
function toldByPeer(traces: any[]): unknown {
  return told((traces ?? []).map((trace) => ({
    traceId: trace.traceID,
    rootServiceName: trace.rootServiceName ?? "",
    rootTraceName: trace.rootTraceName ?? "",
    startUnixNano: BigInt(trace.startTimeUnixNano ?? 0),
    durationNano: BigInt(trace.durationMs ?? 0) * 1_000_000n,
    serviceStats: Object.fromEntries(
      // deno-lint-ignore no-explicit-any
      Object.entries(trace.serviceStats as Record<string, any>).map(([name, stat]) => [name, {
        spanCount: stat.spanCount ?? 0,
        errorCount: stat.errorCount ?? 0,
      }]),
    ),
    // deno-lint-ignore no-explicit-any
    spanSets: trace.spanSets.map((set: any) => ({
      matched: set.matched,
      attributes: set.attributes ?? [],
      // deno-lint-ignore no-explicit-any
      spans: set.spans.map((span: any) => ({
        spanId: span.spanID.padStart(16, "0"),
        name: span.name,
        startUnixNano: BigInt(span.startTimeUnixNano ?? 0),
        durationNano: BigInt(span.durationNanos ?? 0),
        attributes: span.attributes ?? [],
      })),
    })),
  })));
}

const attributes = (list: readonly ResultAttribute[]) =>
  list.map(({ key, value }) =>
    `${key ?? ""}=${
      JSON.stringify(
        value,
        (_, v) => v === Infinity ? "Infinity" : v === -Infinity ? "-Infinity" : v,
      )
    }`
  ).sort().join(" ");

function byKey<T extends { key: string }>(list: T[]): T[] {
  return list.toSorted((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** The first trace that differs. */
// deno-lint-ignore no-explicit-any
function difference(ours: any, peers: any): string {
  if (!Array.isArray(ours) || !Array.isArray(peers)) return `\n  ${ours}\n  ${peers}`;
  const text = (trace: unknown) => JSON.stringify(trace)?.slice(0, 1500) ?? "nothing";
  const keys = new Set([...ours, ...peers].map(({ key }) => key));
  const find = (list: { key: string }[], key: string) => list.find((trace) => trace.key === key);
  const different = [...keys].filter((key) => text(find(ours, key)) !== text(find(peers, key)));
  const key = different[0]!;
  return `: ${different.length} of ${keys.size} traces differ\n  ours ${
    text(find(ours, key))
  }\n  peer ${text(find(peers, key))}`;
}
