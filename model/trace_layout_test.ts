import assert from "node:assert/strict";
import fc from "fast-check";
import { layoutTraces } from "./trace_layout.ts";
import { TraceTable } from "./trace_table.ts";

interface PlainSpan {
  trace: number;
  resource: number;
  scope: number;
}

const spans = fc.array(
  fc.record({
    trace: fc.nat({ max: 4 }),
    resource: fc.nat({ max: 2 }),
    scope: fc.nat({ max: 2 }),
  }),
  { maxLength: 40 },
);
/** Not ascending, so that rows of traces and their order differ. */
const ID_WORDS = [0xffffffff, 0x01000000, 0x00ff0000, 0x7f, 0x80];

function columnsOf(list: readonly PlainSpan[]) {
  const traces = new TraceTable();
  const rowOf = list.map(({ trace }) => traces.intern(ID_WORDS[trace]!, 0, 0, trace));
  return {
    length: list.length,
    traces,
    trace: Int32Array.from(rowOf),
    resource: Int32Array.from(list, ({ resource }) => resource),
    scope: Int32Array.from(list, ({ scope }) => scope),
  };
}

/** The slow way: groups of groups in order of first sight. */
function nested(list: readonly PlainSpan[]): unknown {
  const hexOf = ({ trace }: PlainSpan) =>
    new Uint8Array(Uint32Array.of(ID_WORDS[trace]!, 0, 0, trace).buffer).toHex();
  const rows = list.map((span, row) => ({ ...span, row, id: hexOf(span) }));
  const byTrace = [...Map.groupBy(rows, ({ id }) => id)].sort(([a], [b]) => a < b ? -1 : 1);
  return byTrace.map(([, ofTrace]) =>
    [...Map.groupBy(ofTrace, ({ resource }) => resource)].map(([resource, ofResource]) => ({
      resource,
      scopes: [...Map.groupBy(ofResource, ({ scope }) => scope)].map(([scope, ofScope]) => ({
        scope,
        rows: ofScope.map(({ row }) => row),
      })),
    }))
  );
}

function told(list: readonly PlainSpan[]): unknown {
  const layout = layoutTraces(columnsOf(list));
  const range = (start: Int32Array, i: number) =>
    Array.from({ length: start[i + 1]! - start[i]! }, (_, k) => start[i]! + k);
  return Array.from(
    layout.traces,
    (_, trace) =>
      range(layout.traceStart, trace).map((resource) => ({
        resource: layout.resourceRow[resource],
        scopes: range(layout.resourceStart, resource).map((scope) => ({
          scope: layout.scopeRow[scope],
          rows: range(layout.scopeStart, scope).map((i) => layout.order[i]),
        })),
      })),
  );
}

Deno.test("layout groups spans as nested lists of first sight do, traces by id", () => {
  fc.assert(fc.property(spans, (list) => assert.deepEqual(told(list), nested(list))), {
    numRuns: 300,
  });
});

Deno.test("a resource or scope without spans keeps its place among the others", () => {
  const columns = {
    ...columnsOf([
      { trace: 0, resource: 1, scope: 0 },
      { trace: 0, resource: 2, scope: 0 },
      { trace: 1, resource: 1, scope: 0 },
    ]),
    oddities: {
      emptyGroups: [
        { trace: 0, resource: 3, scope: -1, beforeRow: 1 },
        { trace: 0, resource: 2, scope: 5, beforeRow: 2 },
        { trace: 0, resource: 1, scope: 0, beforeRow: 3 }, // known already
      ],
    },
  };
  const layout = layoutTraces(columns);
  const last = layout.traces.length - 1; // trace 0 has the largest id
  assert.deepEqual([...layout.resourceRow.subarray(layout.traceStart[last]!)], [1, 3, 2]);
  assert.deepEqual([...layout.resourceStart.subarray(layout.traceStart[last]!)], [1, 2, 2, 4]);
  assert.deepEqual([...layout.scopeRow], [0, 0, 0, 5]);
  assert.deepEqual([...layout.scopeStart], [0, 1, 2, 3, 3]);
});
