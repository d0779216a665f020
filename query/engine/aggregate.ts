// Aggregates over the spans of one spanset. Values that are missing or no numbers are skipped; ints and
// durations add up exactly; an average of ints is a float, of durations a duration.

import type { SpanView } from "../../model/span_view.ts";
import { type Aggregate, evaluateBinary, type StaticValue } from "../traceql/mod.ts";
import { expressionReader } from "./expression.ts";
import type { Rows } from "./row_lists.ts";

type NumberValue = Extract<StaticValue, { type: "int" | "float" | "duration" }>;

/** Undefined where there is nothing to aggregate. */
export async function aggregateReader(
  view: SpanView,
  aggregate: Aggregate,
): Promise<(rows: Rows) => StaticValue | undefined> {
  if (aggregate.fn === "count") {
    return (rows) => ({ type: "int", value: BigInt(rows.length) });
  }
  const read = await expressionReader(view, aggregate.field);
  const { fn } = aggregate;
  return (rows) => {
    let result: NumberValue | undefined;
    let count = 0n;
    for (const row of rows) {
      for (const value of read(row)) {
        if (value.type !== "int" && value.type !== "float" && value.type !== "duration") continue;
        count++;
        result = result === undefined ? value : step(fn, result, value);
      }
    }
    return fn === "avg" && result !== undefined ? average(result, count) : result;
  };
}

function step(fn: "min" | "max" | "avg" | "sum", a: NumberValue, b: NumberValue): NumberValue {
  if (fn === "min" || fn === "max") {
    const isBetter = evaluateBinary(fn === "min" ? "<" : ">", b, a);
    return isBetter?.type === "bool" && isBetter.value ? b : a;
  }
  // A sum that is not finite is still a sum.
  if (a.type === "float" || b.type === "float") {
    return { type: "float", value: Number(a.value) + Number(b.value) };
  }
  const type = a.type === "duration" || b.type === "duration" ? "duration" : "int";
  return { type, value: a.value + b.value };
}

function average(sum: NumberValue, count: bigint): NumberValue {
  if (sum.type === "duration") return { type: "duration", value: sum.value / count };
  return { type: "float", value: Number(sum.value) / Number(count) };
}
