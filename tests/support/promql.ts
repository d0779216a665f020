// PromQL as Prometheus' own grammar reads it.
import { parser } from "@prometheus-io/lezer-promql";

/** Where the first thing stands that is not PromQL, with what follows there; undefined if all is. */
export function promqlError(expression: string): string | undefined {
  let error: string | undefined;
  parser.parse(expression).iterate({
    enter(node) {
      if (!node.type.isError || error !== undefined) return;
      error = `at ${node.from}: ${expression.slice(node.from, node.from + 40)}`;
    },
  });
  return error;
}

/** Names of the metrics that it asks for. */
export function metricsIn(expression: string): string[] {
  const names = new Set<string>();
  parser.parse(expression).iterate({
    enter(node) {
      if (node.name !== "VectorSelector") return;
      const identifier = node.node.getChild("Identifier");
      if (identifier !== null) names.add(expression.slice(identifier.from, identifier.to));
    },
  });
  return [...names];
}
