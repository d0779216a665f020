// Why a view can be passed over without looking at its spans: what is known of its columns says that none
// of them can be in the answer.
// Rule: whatever is passed over has no part in the answer; not the reverse.

import type { BoundedColumn, Bounds, SpanView } from "../../model/span_view.ts";
import { type Condition, OTLP_KIND, OTLP_STATUS, printReference } from "../traceql/mod.ts";
import type { Plan } from "./execute.ts";

/** Undefined: it must be looked at. */
export function prunedBecause(plan: Plan, view: SpanView): string | undefined {
  switch (plan.kind) {
    case "search":
      return outsideOf(plan.request, view) ?? unmet(plan.condition, view);
    case "metrics": {
      const { startNano, endNano, spansFromNano, spansToNano } = plan.request;
      const starts = view.bounds?.("spanStart");
      if (starts !== undefined && (starts.min > endNano || starts.max <= startNano)) {
        return "no span starts in the time asked about";
      }
      const isElsewhere = starts !== undefined &&
        ((spansFromNano !== undefined && starts.max < spansFromNano) ||
          (spansToNano !== undefined && starts.min >= spansToNano));
      if (isElsewhere) return "its spans are counted elsewhere";
      const reasons = plan.leaves.map(({ condition }) => unmet(condition, view));
      return reasons.includes(undefined) ? undefined : reasons.join("; ");
    }
    default:
      return undefined;
  }
}

const SECOND = 1_000_000_000n;

function outsideOf(
  { startSeconds, endSeconds }: { readonly startSeconds: number; readonly endSeconds: number },
  view: SpanView,
): string | undefined {
  const starts = view.bounds?.("traceStart");
  if (endSeconds > 0 && starts !== undefined && starts.min > BigInt(endSeconds) * SECOND) {
    return "all traces start after the time asked about";
  }
  const ends = view.bounds?.("traceEnd");
  if (startSeconds > 0 && ends !== undefined && ends.max < BigInt(startSeconds) * SECOND) {
    return "all traces end before the time asked about";
  }
  return undefined;
}

/** What of a condition no span can meet. */
function unmet(condition: Condition, view: SpanView): string | undefined {
  switch (condition.kind) {
    case "anything":
    case "present":
      return undefined;
    case "nothing":
      return "the condition is met by no span";
    case "all": {
      for (const part of condition.parts) {
        const why = unmet(part, view);
        if (why !== undefined) return why;
      }
      return undefined;
    }
    case "any": {
      const reasons = condition.parts.map((part) => unmet(part, view));
      return reasons.includes(undefined) ? undefined : reasons.join("; ");
    }
    case "comparison":
      return unmetComparison(condition, view);
  }
}

function unmetComparison(
  { reference, op, value }: Extract<Condition, { kind: "comparison" }>,
  view: SpanView,
): string | undefined {
  if (reference.node !== "intrinsic") return undefined;
  const [column, wanted] = asNumber(reference.name, value);
  const bounds = column && view.bounds?.(column);
  if (bounds === undefined || wanted === undefined || canHold(op, wanted, bounds)) return undefined;
  return `${printReference(reference)} ${op} ${wanted}: values are ${bounds.min} to ${bounds.max}`;
}

type Value = Extract<Condition, { kind: "comparison" }>["value"];

function asNumber(name: string, value: Value): [BoundedColumn | undefined, number | undefined] {
  if (name === "duration") {
    const isNumber = value.type === "int" || value.type === "float" || value.type === "duration";
    return ["duration", isNumber ? Number(value.value) : undefined];
  }
  if (name === "status" && value.type === "status") return ["status", OTLP_STATUS[value.value]];
  if (name === "kind" && value.type === "kind") return ["kind", OTLP_KIND[value.value]];
  return [undefined, undefined];
}

/** Bounds as numbers are rounded: beyond 104 days of nanoseconds, where it decides nothing here. */
function canHold(op: string, wanted: number, { min, max }: Bounds): boolean {
  const [least, most] = [Number(min), Number(max)];
  switch (op) {
    case "=":
      return wanted >= least && wanted <= most;
    case "!=":
      return least !== most || wanted !== least;
    case "<":
      return least < wanted;
    case "<=":
      return least <= wanted;
    case ">":
      return most > wanted;
    case ">=":
      return most >= wanted;
    default:
      return true;
  }
}
