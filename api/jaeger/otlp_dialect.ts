// A trace in OTLP's own JSON, as api_v3 has it: ids in hex and enums as numbers, where our other answers
// have base64 and names. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
import { otlpTree } from "../otlp_tree.ts";
import { hexId } from "../otlp_tree.ts";

const IDS = new Set(["traceId", "spanId", "parentSpanId"]);
const KINDS = ["", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const CODES = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

export function otlpJson(traces: readonly Uint8Array[]): { resourceSpans: unknown[] } {
  return { resourceSpans: traces.flatMap((trace) => otlpTree(trace).map((tree) => told(tree))) };
}

/** Attribute values pass through untouched: their keys are none of ours. */
function told(tree: unknown, name = ""): unknown {
  if (Array.isArray(tree)) return tree.map((one) => told(one, name));
  if (name === "attributes" || typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      if (IDS.has(key)) return [key, hexId(value as string)];
      if (key === "kind") return [key, numberOf(value, KINDS.indexOf(String(value).slice(10)))];
      if (key === "code") return [key, numberOf(value, CODES.indexOf(String(value)))];
      return [key, told(value, key)];
    }),
  );
}

/** A number that has no name stays what it is. */
function numberOf(value: unknown, index: number): unknown {
  return typeof value === "number" ? value : Math.max(0, index);
}
