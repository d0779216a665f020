// Which of several conditions is looked at first. Guesses, and only the order depends on them: small
// columns before wide ones, conditions that leave little before those that leave much.

import type { Reference } from "../traceql/mod.ts";
import type { Predicate } from "./predicate.ts";

export function cost(part: Predicate): number {
  switch (part.node) {
    case "constant":
      return 0;
    case "and":
    case "or":
      return Math.max(...part.parts.map(cost)) + 1;
    case "not":
      return cost(part.part) + 1;
    case "truth":
      return Math.max(cost(part.left.yes), cost(part.right.yes)) + 1;
    case "expression":
      return 90;
    case "string": {
      const isPlain = part.test.anyOf !== undefined && !part.isNone;
      return referenceCost(part.ref) + (isPlain ? 0 : 5);
    }
    default:
      return referenceCost(part.ref) + 1;
  }
}

function referenceCost(ref: Reference): number {
  if (ref.node === "attribute") {
    if (ref.scope === "resource" || ref.scope === "instrumentation") return 10;
    return ref.scope === "span" ? 40 : 60;
  }
  switch (ref.name) {
    case "status":
    case "kind":
      return 20;
    case "instrumentation:name":
    case "instrumentation:version":
      return 10;
    case "duration":
    case "name":
      return 30;
    case "rootName":
    case "rootServiceName":
    case "traceDuration":
    case "trace:id":
      return 25;
    case "nestedSetLeft":
    case "nestedSetRight":
    case "nestedSetParent":
    case "span:childCount":
      return 80;
    default:
      return 50;
  }
}
