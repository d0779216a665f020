import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { allGoldenSpans } from "../tests/support/golden_traces.ts";
import { nestedSets, type NumberedColumns } from "./nested_set.ts";
import { layoutTraces, type TraceLayout } from "./trace_layout.ts";
import { summarizeTraces } from "./trace_summary.ts";

interface GoldenNested {
  readonly name: string;
  readonly rootSpanName: string;
  readonly rootServiceName: string;
  /** Id, parent id, left, right, parent, child count. */
  readonly spans: readonly [string, string, number, number, number, number][];
}

const file = new URL("../tests/golden/blocks/v5-default.nested.json.gz", import.meta.url);
const golden: GoldenNested[] = JSON.parse(
  new TextDecoder().decode(gunzipSync(Deno.readFileSync(file))),
);

Deno.test("golden traces are numbered and named as the peer does", () => {
  const columns = allGoldenSpans();
  const layout = layoutTraces(columns);
  const sets = nestedSets(columns, layout);
  const summaries = summarizeTraces(columns, layout);
  let position = 0;
  for (const [trace, { name, spans, rootSpanName, rootServiceName }] of golden.entries()) {
    assert.equal(columns.strings.text(summaries.rootName[trace]!), rootSpanName, name);
    assert.equal(columns.strings.text(summaries.rootService[trace]!), rootServiceName, name);
    const ours = spans.map(() => {
      const i = position++;
      return [sets.left[i], sets.right[i], sets.parent[i], sets.childCount[i]];
    });
    const hasRoot = spans.some(([, , left]) => left > 0);
    // Without a root the peer leaves child counts of the row before.
    assert.deepEqual(ours, spans.map((span) => [...span.slice(2, 5), hasRoot ? span[5] : 0]), name);
  }
  assert.equal(position, columns.length);
  assert.equal(golden.length, 126);
});

const KINDS = { internal: 1, server: 2, client: 3 };

/** One trace of [id, parent, kind] with 0 for no parent. */
function numbered(list: readonly (readonly [number, number, number])[]) {
  const columns: NumberedColumns = {
    spanId: Uint32Array.from(list.flatMap(([id]) => [id, 0])),
    parentId: Uint32Array.from(list.flatMap(([, parent]) => [parent, 0])),
    kind: Uint8Array.from(list, ([, , kind]) => kind),
  };
  const layout: TraceLayout = {
    traces: Int32Array.of(0),
    traceStart: Int32Array.of(0, 1),
    resourceStart: Int32Array.of(0, 1),
    resourceRow: Int32Array.of(0),
    scopeStart: Int32Array.of(0, list.length),
    scopeRow: Int32Array.of(0),
    order: Int32Array.from(list, (_, i) => i),
  };
  return nestedSets(columns, layout);
}

Deno.test("of twins that share an id a child belongs to the server's", () => {
  const { server, client, internal } = KINDS;
  for (const twins of [[client, server], [server, client]]) {
    const { parent, left } = numbered([
      [1, 0, internal],
      [2, 1, twins[0]!],
      [2, 1, twins[1]!],
      [3, 2, internal],
      [4, 2, server],
    ]);
    const serverRow = twins.indexOf(server) + 1;
    assert.equal(parent[3], left[serverRow]);
    assert.equal(parent[4], left[3 - serverRow], "a server's parent is the client");
  }
});

Deno.test("an id three times, or no root, leaves the whole trace without numbers", () => {
  const thrice = numbered([[1, 0, 1], [2, 1, 1], [2, 1, 1], [2, 1, 1]]);
  const rootless = numbered([[1, 2, 1], [2, 1, 1]]);
  for (const sets of [thrice, rootless]) {
    for (const column of Object.values(sets)) assert.ok(column.every((n: number) => n === 0));
  }
});

Deno.test("a span is below another exactly if its interval lies within", () => {
  // Parent of span i + 1 is any of the spans before it, or none, or one that is missing.
  const trees = fc.array(fc.nat(), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(trees, (choices) => {
    const parents = choices.map((choice, i) =>
      [0, 99, ...Array(i).keys().map((k) => k + 1)][choice % (i + 2)]!
    );
    const { left, right, parent, childCount } = numbered(parents.map((p, i) => [i + 1, p, 1]));
    const hasRoot = parents.includes(0);
    const ancestors = (span: number): number[] => {
      const above = parents[span - 1]!;
      return above === 0 || above === 99 ? [above] : [above, ...ancestors(above)];
    };
    for (let a = 1; a <= parents.length; a++) {
      const isReached = hasRoot && ancestors(a).at(-1) === 0;
      assert.equal(left[a - 1]! > 0, isReached);
      if (!isReached) continue;
      assert.equal(childCount[a - 1], parents.filter((p) => p === a).length);
      const above = parents[a - 1]!;
      assert.equal(parent[a - 1], above === 0 ? -1 : left[above - 1]);
      for (let b = 1; b <= parents.length; b++) {
        const isWithin = left[a - 1]! < left[b - 1]! && right[b - 1]! < right[a - 1]!;
        assert.equal(isWithin, ancestors(b).includes(a));
      }
    }
  }));
});
