// TraceQL, the language: text to tree and back, and which trees make sense. Executes nothing.
export type * from "./ast.ts";
export {
  INT_MAX,
  INT_MIN,
  KINDS,
  type KindWord,
  NIL,
  OTLP_KIND,
  OTLP_STATUS,
  type StaticValue,
  STATUSES,
  type StatusWord,
} from "./value.ts";
