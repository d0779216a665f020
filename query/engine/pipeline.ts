// Runs the stages of a search over a view: spansets in, spansets out, traces without any dropped.
import type { SpanView } from "../../model/span_view.ts";
import { evaluateBinary, type Position, refusal, type StructuralOp } from "../traceql/mod.ts";
import { aggregateReader } from "./aggregate.ts";
import { expressionReader } from "./expression.ts";
import { filterRows } from "./filter.ts";
import type { PlannedStage, SpansetNode } from "./plan.ts";
import { allRows, intersect, type Rows, rowsByVerdict, union } from "./row_lists.ts";
import { grouped, rowsOf, type SetAttribute, type SpanSet, type SpanSets } from "./spansets.ts";
import { structuralRows } from "./structural.ts";

const NO_ROWS: Rows = new Int32Array(0);

export async function runStages(
  view: SpanView,
  stages: readonly PlannedStage[],
  input: SpanSets,
  signal: AbortSignal,
): Promise<SpanSets> {
  let sets = input;
  for (const stage of stages) {
    if (isEmpty(sets)) return sets;
    const { watch } = view;
    const startMs = watch?.now() ?? 0;
    sets = await runStage(view, stage, sets, signal);
    watch?.stage(stage.text, watch.now() - startMs);
  }
  return sets;
}

async function runStage(
  view: SpanView,
  stage: PlannedStage,
  sets: SpanSets,
  signal: AbortSignal,
): Promise<SpanSets> {
  switch (stage.node) {
    case "spansets":
      return await runSpansets(view, stage.expr, sets, signal);
    case "by":
      return await groupBy(view, stage, await grouped(view, sets));
    case "coalesce": {
      if (sets.node === "plain") return sets;
      return { node: "plain", rows: rowsOf(sets) };
    }
    case "scalar_filter": {
      const read = await aggregateReader(view, stage.aggregate);
      const kept: SpanSet[] = [];
      for (const set of (await grouped(view, sets)).sets) {
        const value = read(set.rows);
        if (value === undefined) continue;
        const holds = stage.isMirrored
          ? evaluateBinary(stage.op, stage.constant, value)
          : evaluateBinary(stage.op, value, stage.constant);
        if (holds?.type !== "bool" || !holds.value) continue;
        kept.push(withAttribute(set, set.rows, { key: stage.label, values: [value] }));
      }
      return { node: "grouped", sets: kept };
    }
  }
}

async function runSpansets(
  view: SpanView,
  expr: SpansetNode,
  sets: SpanSets,
  signal: AbortSignal,
): Promise<SpanSets> {
  switch (expr.node) {
    case "filter": {
      const { predicate } = expr;
      if (predicate.node === "constant" && predicate.value) return sets;
      if (sets.node === "plain") {
        return { node: "plain", rows: await filterRows(view, predicate, sets.rows, signal) };
      }
      const rows = await filterRows(view, predicate, rowsOf(sets), signal);
      const kept = sets.sets.flatMap((set) => {
        const left = intersect(set.rows, rows);
        return left.length === 0 ? [] : [{ ...set, rows: left }];
      });
      return { node: "grouped", sets: kept };
    }
    case "pipeline":
      return await runStages(view, expr.stages, sets, signal);
    case "operation":
      return {
        node: "plain",
        rows: await runOperation(
          view,
          expr,
          { node: "plain", rows: single(sets, expr.at) },
          signal,
        ),
      };
  }
}

async function runOperation(
  view: SpanView,
  { op, left, right, at }: Extract<SpansetNode, { node: "operation" }>,
  input: SpanSets,
  signal: AbortSignal,
): Promise<Rows> {
  const a = single(await runSpansets(view, left, input, signal), at) ?? allRows(view.spanCount);
  if (op === "||") {
    const b = single(await runSpansets(view, right, input, signal), at) ?? allRows(view.spanCount);
    return union(a, b);
  }
  const needsLeft = !op.startsWith("!");
  if (needsLeft && a.length === 0) return NO_ROWS;
  const b = single(await runSpansets(view, right, input, signal), at) ?? allRows(view.spanCount);
  if (b.length === 0) return NO_ROWS;
  if (op === "&&") return await inSharedTraces(view, a, b);
  return await structuralRows(view, op as StructuralOp, a, b);
}

/** The rows of both, of traces that have rows in both. */
async function inSharedTraces(view: SpanView, a: Rows, b: Rows): Promise<Rows> {
  const traceOfSpan = await view.traceOfSpan();
  const { length } = await view.traces();
  const tracesOf = (rows: Rows) => {
    const marks = new Uint8Array(length);
    for (let i = 0; i < rows.length; i++) marks[traceOfSpan[rows[i]!]!] = 1;
    return marks;
  };
  const ofA = tracesOf(a);
  const ofB = tracesOf(b);
  for (let i = 0; i < length; i++) ofA[i]! &= ofB[i]!;
  return rowsByVerdict(traceOfSpan, ofA, union(a, b), view.spanCount);
}

/** Rows of sets of which no trace has two. */
function single(sets: SpanSets, at: Position): Rows | undefined {
  if (sets.node === "plain") return sets.rows;
  for (let i = 1; i < sets.sets.length; i++) {
    if (sets.sets[i]!.trace !== sets.sets[i - 1]!.trace) continue;
    throw refusal(
      at,
      "spanset operators are not supported for multiple spansets per trace. " +
        "consider using coalesce()",
    );
  }
  return rowsOf(sets);
}

async function groupBy(
  view: SpanView,
  stage: Extract<PlannedStage, { node: "by" }>,
  { sets }: { readonly sets: readonly SpanSet[] },
): Promise<SpanSets> {
  const read = await expressionReader(view, stage.field);
  const found: SpanSet[] = [];
  // Readers give the same list for the same text, again and again.
  const keys = new WeakMap<SetAttribute["values"], string>();
  const keyOf = (values: SetAttribute["values"]) => {
    let key = keys.get(values);
    if (key === undefined) {
      key = values.map((value) => value.type === "nil" ? "" : `${value.type}:${value.value}`)
        .join("\0");
      keys.set(values, key);
    }
    return key;
  };
  for (const set of sets) {
    const groups = new Map<string, { values: SetAttribute["values"]; rows: number[] }>();
    for (const row of set.rows) {
      const values = read(row);
      const key = keyOf(values);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { values, rows: [row] });
      else group.rows.push(row);
    }
    for (const { values, rows } of groups.values()) {
      found.push(withAttribute(set, Int32Array.from(rows), { key: stage.label, values }));
    }
  }
  return { node: "grouped", sets: found };
}

function withAttribute(set: SpanSet, rows: Rows, attribute: SetAttribute): SpanSet {
  return { trace: set.trace, rows, attributes: [...set.attributes, attribute] };
}

function isEmpty(sets: SpanSets): boolean {
  return sets.node === "plain" ? sets.rows?.length === 0 : sets.sets.length === 0;
}

/** For tests and for what asks only which spans a pipeline leaves. */
export async function rowsLeft(
  view: SpanView,
  stages: readonly PlannedStage[],
  signal: AbortSignal,
): Promise<Rows> {
  const sets = await runStages(view, stages, { node: "plain", rows: undefined }, signal);
  if (sets.node === "grouped") return rowsOf(sets);
  return sets.rows ?? allRows(view.spanCount);
}
