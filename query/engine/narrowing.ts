// The filter that narrows tags and tag values. It is typed by a human key by key, so it is taken for
// what it says so far: an incomplete matcher (`span.x =`) holds, and text that still cannot be read
// narrows nothing.

import { InputError } from "../../lib/errors.ts";
import type { SpanView } from "../../model/span_view.ts";
import { parseAndValidate, type RootExpr } from "../traceql/mod.ts";
import { rowsLeft } from "./pipeline.ts";
import { type PlannedStage, planPipeline } from "./plan.ts";
import type { Rows } from "./row_lists.ts";
import { ShownReferences } from "./shown.ts";

const OR_GROUPS_MAX = 100;
const INCOMPLETE =
  /(?:[A-Za-z_.][\w.:/-]*|"[^"]*")+\s*(?:=~|!~|!=|<=|>=|=|<|>)\s*(?=&&|\|\||\)|\}|$)/g;

/** Undefined: nothing is narrowed. */
export function planNarrowing(text: string): readonly PlannedStage[] | undefined {
  if (text === "") return undefined;
  const root = read(text) ?? read(text.replaceAll(INCOMPLETE, "true "));
  if (root === undefined || root.query.node !== "pipeline") return undefined;
  if (text.split("||").length > OR_GROUPS_MAX) {
    throw new InputError(
      "invalid_argument",
      `maximum condition groups reached (limit: ${OR_GROUPS_MAX}). ` +
        "Reduce the number of OR conditions in the query",
    );
  }
  const [first, ...rest] = root.query.stages;
  const isEverything = rest.length === 0 && first?.node === "filter" &&
    first.condition.node === "static" && first.condition.value.type === "bool" &&
    first.condition.value.value;
  return isEverything ? undefined : planPipeline(root, new ShownReferences());
}

function read(text: string): RootExpr | undefined {
  try {
    return parseAndValidate(text);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The spans that narrowing leaves; undefined is all. */
export async function narrowedRows(
  view: SpanView,
  stages: readonly PlannedStage[] | undefined,
  signal: AbortSignal,
): Promise<Rows | undefined> {
  return stages === undefined ? undefined : await rowsLeft(view, stages, signal);
}
