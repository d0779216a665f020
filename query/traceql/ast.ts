// The TraceQL syntax tree: what a query text says, with the place where each part stood.
// Rule: nodes are plain data and never change; intrinsics have one name, whichever way they were
// spelled. Grammar: docs/traceql.md; the precedence of operators is the parser's business.
import type { StaticValue } from "./value.ts";

/** Where a node begins: both from 1, columns in characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

// ---- Fields: expressions over one span ----

export type AttributeScope =
  /** `.x`: span attributes, then resource attributes. */
  | "any"
  | "resource"
  | "span"
  | "event"
  | "link"
  | "instrumentation"
  | "parent"
  | "parent.resource"
  | "parent.span";

export interface AttributeRef {
  readonly node: "attribute";
  readonly scope: AttributeScope;
  /** Without quotes and escapes. */
  readonly name: string;
  readonly at: Position;
}

/** `span:duration` is `duration`, `trace:rootService` is `rootServiceName`, and so on. */
export type IntrinsicName =
  | "duration"
  | "name"
  | "status"
  | "statusMessage"
  | "kind"
  | "span:id"
  | "span:parentID"
  | "span:childCount"
  | "traceDuration"
  | "rootName"
  | "rootServiceName"
  | "trace:id"
  | "nestedSetLeft"
  | "nestedSetRight"
  | "nestedSetParent"
  | "event:name"
  | "event:timeSinceStart"
  | "link:traceID"
  | "link:spanID"
  | "instrumentation:name"
  | "instrumentation:version"
  | "parent";

export interface IntrinsicRef {
  readonly node: "intrinsic";
  readonly name: IntrinsicName;
  readonly at: Position;
}

export interface StaticField {
  readonly node: "static";
  readonly value: StaticValue;
  readonly at: Position;
}

export type ArithmeticOp = "+" | "-" | "*" | "/" | "%" | "^";
export type CompareOp = "=" | "!=" | "<" | "<=" | ">" | ">=";
export type RegexOp = "=~" | "!~";
export type LogicOp = "&&" | "||";
export type FieldOp = ArithmeticOp | CompareOp | RegexOp | LogicOp;

export interface BinaryField {
  readonly node: "binary";
  readonly op: FieldOp;
  readonly left: FieldExpr;
  readonly right: FieldExpr;
  readonly at: Position;
}

export interface UnaryField {
  readonly node: "unary";
  readonly op: "-" | "!";
  readonly operand: FieldExpr;
  readonly at: Position;
}

/** `x = nil` is `missing`, `x != nil` is `present`, on whichever side nil stood. */
export interface PresenceField {
  readonly node: "presence";
  readonly op: "missing" | "present";
  readonly operand: FieldExpr;
  readonly at: Position;
}

export type Reference = AttributeRef | IntrinsicRef;
export type FieldExpr = Reference | StaticField | BinaryField | UnaryField | PresenceField;

// ---- Spansets: expressions over the spans of one trace ----

/** `{ condition }`; an empty filter holds `true`. */
export interface SpansetFilter {
  readonly node: "filter";
  readonly condition: FieldExpr;
  readonly at: Position;
}

export type StructuralOp =
  | ">"
  | "<"
  | ">>"
  | "<<"
  | "~"
  | "!>"
  | "!<"
  | "!>>"
  | "!<<"
  | "!~"
  | "&>"
  | "&<"
  | "&>>"
  | "&<<"
  | "&~";
export type SpansetOp = LogicOp | StructuralOp;

/** Sides are filters, further operations, or whole pipelines in parentheses. */
export interface SpansetOperation {
  readonly node: "spanset_operation";
  readonly op: SpansetOp;
  readonly left: SpansetExpr;
  readonly right: SpansetExpr;
  readonly at: Position;
}

export type SpansetExpr = SpansetFilter | SpansetOperation | Pipeline;

/** `count()`, or another aggregate of a field. */
export type Aggregate =
  | { readonly node: "aggregate"; readonly fn: "count"; readonly at: Position }
  | {
    readonly node: "aggregate";
    readonly fn: "min" | "max" | "avg" | "sum";
    readonly field: FieldExpr;
    readonly at: Position;
  };

export interface ScalarOperation {
  readonly node: "scalar_operation";
  readonly op: ArithmeticOp;
  readonly left: ScalarExpr;
  readonly right: ScalarExpr;
  readonly at: Position;
}

/** `( pipeline | scalar )`, whose value stands beside a comparison. */
export interface ScalarPipe {
  readonly node: "scalar_pipe";
  readonly stages: readonly Stage[];
  readonly scalar: ScalarExpr;
  readonly at: Position;
}

export type ScalarExpr = Aggregate | ScalarOperation | ScalarPipe | StaticField;

export interface ScalarFilter {
  readonly node: "scalar_filter";
  readonly op: CompareOp;
  readonly left: ScalarExpr;
  readonly right: ScalarExpr;
  readonly at: Position;
}

export interface Group {
  readonly node: "by";
  readonly field: FieldExpr;
  readonly at: Position;
}

export interface Select {
  readonly node: "select";
  readonly fields: readonly Reference[];
  readonly at: Position;
}

export interface Coalesce {
  readonly node: "coalesce";
  readonly at: Position;
}

export type Stage = SpansetExpr | ScalarFilter | Group | Select | Coalesce;

export interface Pipeline {
  readonly node: "pipeline";
  /** At least one. */
  readonly stages: readonly Stage[];
  readonly at: Position;
}

// ---- Metrics: series made of the spans that a pipeline leaves ----

interface MetricsBase {
  readonly node: "metrics_aggregate";
  readonly by: readonly Reference[];
  readonly at: Position;
}

export type MetricsAggregate =
  | MetricsBase & { readonly fn: "rate" | "count_over_time" }
  | MetricsBase & {
    readonly fn:
      | "min_over_time"
      | "max_over_time"
      | "sum_over_time"
      | "avg_over_time"
      | "histogram_over_time";
    readonly field: Reference;
  }
  | MetricsBase & {
    readonly fn: "quantile_over_time";
    readonly field: Reference;
    readonly quantiles: readonly number[];
    /** Where each of them stands. */
    readonly argumentsAt: readonly Position[];
  }
  | MetricsBase & {
    readonly fn: "compare";
    readonly selection: SpansetFilter;
    readonly top: bigint;
    /** Unix nanoseconds; 0n and 0n where not given. */
    readonly startNano: bigint;
    readonly endNano: bigint;
    /** Where `top`, start and end stand, as far as they were given. */
    readonly argumentsAt: readonly Position[];
  };

export type SecondStage =
  | {
    readonly node: "top_bottom";
    readonly fn: "topk" | "bottomk";
    readonly limit: bigint;
    /** Of the limit. */
    readonly at: Position;
  }
  | {
    readonly node: "series_filter";
    readonly op: CompareOp;
    /** A duration stands for its seconds. */
    readonly value: StaticValue;
    readonly at: Position;
  };

export interface MetricsPipeline {
  readonly node: "metrics_pipeline";
  readonly pipeline: Pipeline;
  readonly aggregate: MetricsAggregate;
  readonly second: readonly SecondStage[];
  readonly at: Position;
}

export type MetricsOp = "+" | "-" | "*" | "/";

export interface MetricsOperation {
  readonly node: "metrics_operation";
  readonly op: MetricsOp;
  /** At most one of the sides is a constant. */
  readonly left: MetricsExpr;
  readonly right: MetricsExpr;
  readonly second: readonly SecondStage[];
  readonly at: Position;
}

/** A number among metrics queries: int or float, never a duration. */
export interface MetricsConstant {
  readonly node: "metrics_constant";
  readonly value: StaticValue;
  readonly at: Position;
}

export type MetricsQuery = MetricsPipeline | MetricsOperation;
export type MetricsExpr = MetricsQuery | MetricsConstant;

// ---- The whole ----

export interface Hint {
  readonly name: string;
  readonly value: StaticValue;
  readonly at: Position;
}

export interface RootExpr {
  readonly node: "root";
  readonly query: Pipeline | MetricsQuery;
  readonly hints: readonly Hint[];
}
