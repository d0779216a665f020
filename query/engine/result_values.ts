// Constants of the language as OTLP values: what results carry.
// A value alone is itself, several are an array, none is the word nil.

import { printDuration, type StaticValue } from "../traceql/mod.ts";
import type { ResultValue } from "./query_request.ts";

export function resultValue(values: readonly StaticValue[]): ResultValue {
  if (values.length === 0) return { stringValue: "nil" };
  if (values.length === 1) return scalar(values[0]!);
  return { arrayValue: { values: values.map(scalar) } };
}

function scalar(value: StaticValue): ResultValue {
  switch (value.type) {
    case "nil":
      return { stringValue: "nil" };
    case "int":
      return { intValue: String(value.value) };
    case "float":
      return { doubleValue: value.value };
    case "bool":
      return { boolValue: value.value };
    case "duration":
      return { stringValue: printDuration(value.value) };
    case "string":
    case "status":
    case "kind":
      return { stringValue: value.value };
  }
}
