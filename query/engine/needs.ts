// What a plan reads of a view: for what it will cost before it runs, and for who asks how it runs.

import type { Need, NeededColumn } from "../../model/span_view.ts";
import { parse, type Reference, references } from "../traceql/mod.ts";
import type { Plan } from "./execute.ts";
import type { PlannedStage, SpansetNode } from "./plan.ts";

export function needsOf(plan: Plan): Need[] {
  const needs: Need[] = [];
  const add = (...columns: NeededColumn[]) => {
    for (const column of columns) needs.push({ column });
  };
  switch (plan.kind) {
    case "search":
      needs.push(...references(parse(plan.request.query || "{}")).flatMap(needOf));
      if (plan.stages.some(isStructural)) add("nestedSets");
      add("traces", "nesting", "spanIds", "startUnixNano", "durationNano", "statusCodes");
      add("kinds", "services");
      break;
    case "metrics":
      add("startUnixNano");
      for (const { references, stages, aggregate } of plan.leaves) {
        needs.push(...references.flatMap(needOf));
        if (stages.some(isStructural)) add("nestedSets");
        if (aggregate.fn === "compare") {
          for (const scope of ["resource", "span", "instrumentation"] as const) {
            needs.push({ scope, all: "values" });
          }
          add("names", "statusCodes", "statusMessages", "kinds", "traces", "nestedSets");
          add("nesting", "services", "scopeNames", "scopeVersions");
        } else if (plan.request.exemplars > 0) add("traces", "nesting", "spanIds");
      }
      break;
    case "tags":
      for (const scope of plan.scopes) {
        needs.push({ scope, all: plan.narrowing === undefined ? "keys" : "values" });
      }
      needs.push(...narrowing(plan.request.query));
      break;
    case "tag_values":
      needs.push(...needOf(plan.ref), ...narrowing(plan.request.query));
  }
  return distinct(needs);
}

/** As a person would say it. */
export function nameOfNeed(need: Need): string {
  if ("column" in need) return need.column;
  return "all" in need ? `${need.scope}.* (${need.all})` : `${need.scope}.${need.key}`;
}

function narrowing(query: string): Need[] {
  try {
    return query === "" ? [] : references(parse(query)).flatMap(needOf);
  } catch {
    return []; // half a query, which narrows what it can
  }
}

function distinct(needs: readonly Need[]): Need[] {
  return [...new Map(needs.map((need) => [nameOfNeed(need), need])).values()];
}

function needOf(ref: Reference): Need[] {
  if (ref.node === "attribute") {
    switch (ref.scope) {
      case "any":
        return [
          { scope: "span", key: ref.name },
          { scope: "resource", key: ref.name },
          { column: "nesting" },
        ];
      case "resource":
      case "instrumentation":
        return [{ scope: ref.scope, key: ref.name }, { column: "nesting" }];
      case "span":
        return [{ scope: "span", key: ref.name }];
      case "event":
        return [{ scope: "event", key: ref.name }, { column: "events" }];
      case "link":
        return [{ scope: "link", key: ref.name }, { column: "links" }];
      default:
        return [];
    }
  }
  return (COLUMNS[ref.name] ?? []).map((column) => ({ column }));
}

const COLUMNS: Readonly<Partial<Record<string, readonly NeededColumn[]>>> = {
  duration: ["durationNano"],
  name: ["names"],
  status: ["statusCodes"],
  statusMessage: ["statusMessages"],
  kind: ["kinds"],
  rootName: ["traces", "nesting"],
  rootServiceName: ["traces", "nesting"],
  traceDuration: ["traces", "nesting"],
  "trace:id": ["traces", "nesting"],
  "span:id": ["spanIds"],
  "span:parentID": ["parentIds"],
  nestedSetLeft: ["nestedSets"],
  nestedSetRight: ["nestedSets"],
  nestedSetParent: ["nestedSets"],
  "span:childCount": ["nestedSets"],
  "event:name": ["events"],
  "event:timeSinceStart": ["events"],
  "link:traceID": ["links"],
  "link:spanID": ["links"],
  "instrumentation:name": ["scopeNames", "nesting"],
  "instrumentation:version": ["scopeVersions", "nesting"],
};

function isStructural(stage: PlannedStage): boolean {
  return stage.node === "spansets" && hasStructure(stage.expr);
}

function hasStructure(node: SpansetNode): boolean {
  if (node.node === "pipeline") return node.stages.some(isStructural);
  if (node.node !== "operation") return false;
  const isLogic = node.op === "&&" || node.op === "||";
  return !isLogic || hasStructure(node.left) || hasStructure(node.right);
}
