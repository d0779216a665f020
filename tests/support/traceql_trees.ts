// Random TraceQL trees, made by the same constructors that the parser uses, so that they are trees it
// could have made.
import fc from "fast-check";
import type {
  AttributeScope,
  FieldExpr,
  FieldOp,
  IntrinsicName,
  MetricsAggregate,
  MetricsExpr,
  MetricsQuery,
  Pipeline,
  Position,
  Reference,
  RootExpr,
  ScalarExpr,
  SecondStage,
  SpansetExpr,
  SpansetFilter,
  SpansetOp,
  Stage,
  StaticValue,
} from "../../query/traceql/mod.ts";
import { KINDS, STATUSES } from "../../query/traceql/mod.ts";
import {
  binaryField,
  presenceField,
  scalarOperation,
  staticField,
  unaryField,
} from "../../query/traceql/nodes.ts";

export const at: Position = { line: 1, column: 1 };
const INT_MAX = 2n ** 63n - 1n;

const name = fc.oneof(
  fc.constantFrom("a", "http.method", "a-b", "a[0]", "0x", "resource.x", "span.y", "/*", "//"),
  fc.string({ unit: "grapheme", maxLength: 6 }),
);
const intrinsicNames: IntrinsicName[] = [
  "duration",
  "name",
  "status",
  "span:id",
  "traceDuration",
  "rootServiceName",
  "trace:id",
  "nestedSetLeft",
  "event:timeSinceStart",
  "link:spanID",
  "instrumentation:version",
  "parent",
];
const scopes: AttributeScope[] = [
  "any",
  "resource",
  "span",
  "event",
  "link",
  "instrumentation",
  "parent",
  "parent.resource",
  "parent.span",
];
const reference: fc.Arbitrary<Reference> = fc.oneof(
  fc.record({
    node: fc.constant("attribute"),
    scope: fc.constantFrom(...scopes),
    name,
    at: fc.constant(at),
  }),
  fc.record({
    node: fc.constant("intrinsic"),
    name: fc.constantFrom(...intrinsicNames),
    at: fc.constant(at),
  }),
);

const int = fc.bigInt({ min: -INT_MAX - 1n, max: INT_MAX })
  .map((value): StaticValue => ({ type: "int", value }));
const float = fc.double({ noNaN: true, noDefaultInfinity: true })
  .map((value): StaticValue => ({ type: "float", value }));
const duration = fc.bigInt({ min: -INT_MAX, max: INT_MAX })
  .map((value): StaticValue => ({ type: "duration", value }));
const number = fc.oneof(int, float, duration);
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("`", '"', "\\", "\n`", 'a`\\"\0'),
).map((value): StaticValue => ({ type: "string", value }));
const constant: fc.Arbitrary<StaticValue> = fc.oneof(
  number,
  text,
  fc.boolean().map((value): StaticValue => ({ type: "bool", value })),
  fc.constantFrom(...STATUSES).map((value): StaticValue => ({ type: "status", value })),
  fc.constantFrom(...KINDS).map((value): StaticValue => ({ type: "kind", value })),
);

const FIELD_OPS: FieldOp[] = [
  ..."+ - * / % ^ = != < <= > >= =~ !~ && ||".split(" "),
] as FieldOp[];

const field = fc.letrec<{ field: FieldExpr }>((tie) => ({
  field: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    reference as fc.Arbitrary<FieldExpr>,
    constant.map((value): FieldExpr => staticField(value, at)),
    fc.tuple(fc.constantFrom(...FIELD_OPS), tie("field"), tie("field"))
      .map(([op, left, right]): FieldExpr => binaryField(op, left, right, at)),
    fc.tuple(fc.constantFrom("-" as const, "!" as const), tie("field"))
      .map(([op, operand]): FieldExpr => unaryField(op, operand, at)),
    fc.tuple(fc.constantFrom("missing" as const, "present" as const), tie("field"))
      .map(([op, operand]): FieldExpr => presenceField(op, operand, at)),
  ),
})).field;

const filter: fc.Arbitrary<SpansetFilter> = field
  .map((condition) => ({ node: "filter", condition, at }));

const SPANSET_OPS = "&& || > < >> << ~ !> !< !>> !<< !~ &> &< &>> &<< &~".split(" ") as SpansetOp[];

function operations(leaf: fc.Arbitrary<SpansetExpr>): fc.Arbitrary<SpansetExpr> {
  return fc.letrec<{ expr: SpansetExpr }>((tie) => ({
    expr: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.tuple(fc.constantFrom(...SPANSET_OPS), tie("expr"), tie("expr"))
        .map(([op, left, right]): SpansetExpr => ({
          node: "spanset_operation",
          op,
          left,
          right,
          at,
        })),
    ),
  })).expr;
}

const spanset = operations(filter);

const aggregate: fc.Arbitrary<ScalarExpr> = fc.oneof(
  fc.constant<ScalarExpr>({ node: "aggregate", fn: "count", at }),
  fc.tuple(fc.constantFrom("min", "max", "avg", "sum"), field)
    .map(([fn, inner]): ScalarExpr => ({
      node: "aggregate",
      fn: fn as "min",
      field: inner,
      at,
    })),
);
const scalar = fc.letrec<{ scalar: ScalarExpr }>((tie) => ({
  scalar: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    aggregate,
    fc.tuple(
      fc.constantFrom(..."+-*/%^") as fc.Arbitrary<"+">,
      tie("scalar"),
      fc.oneof(tie("scalar"), number.map((value): ScalarExpr => staticField(value, at))),
      fc.boolean(),
    ).map(([op, a, b, swapped]) => scalarOperation(op, swapped ? b : a, swapped ? a : b, at)),
  ),
})).scalar;

const stage: fc.Arbitrary<Stage> = fc.oneof(
  spanset,
  fc.tuple(
    fc.constantFrom("=", "!=", "<", "<=", ">", ">="),
    scalar,
    fc.oneof(scalar, number.map((value): ScalarExpr => staticField(value, at))),
    fc.boolean(),
  ).map(([op, a, b, swapped]): Stage => ({
    node: "scalar_filter",
    op: op as "=",
    left: swapped ? b : a,
    right: swapped ? a : b,
    at,
  })),
  field.map((inner): Stage => ({ node: "by", field: inner, at })),
  fc.array(reference, { minLength: 1, maxLength: 3 })
    .map((fields): Stage => ({ node: "select", fields, at })),
);

const pipeline: fc.Arbitrary<Pipeline> = fc.tuple(
  stage,
  fc.array(fc.oneof(stage, fc.constant<Stage>({ node: "coalesce", at })), { maxLength: 3 }),
).map(([first, rest]) => ({ node: "pipeline", stages: [first, ...rest], at }));

/** A spanset expression alone in parentheses is itself, no pipeline. */
const operand = pipeline.filter(({ stages: [only], stages }) =>
  stages.length > 1 || (only!.node !== "filter" && only!.node !== "spanset_operation")
);
const pipes = operations(fc.oneof(filter, operand))
  .map((expr): Pipeline =>
    expr.node === "pipeline" ? expr : { node: "pipeline", stages: [expr], at }
  );

const second: fc.Arbitrary<SecondStage[]> = fc.array(
  fc.oneof(
    fc.tuple(fc.constantFrom("topk" as const, "bottomk" as const), fc.bigInt({ min: 0n, max: 9n }))
      .map(([fn, limit]): SecondStage => ({ node: "top_bottom", fn, limit, at })),
    fc.tuple(fc.constantFrom("=", "!=", "<", "<=", ">", ">="), number)
      .map(([op, value]): SecondStage => ({ node: "series_filter", op: op as "=", value, at })),
  ),
  { maxLength: 3 },
);

const metricsAggregate: fc.Arbitrary<MetricsAggregate> = fc.oneof(
  fc.record({
    node: fc.constant("metrics_aggregate" as const),
    fn: fc.constantFrom("rate" as const, "count_over_time" as const),
    by: fc.array(reference, { maxLength: 3 }),
    at: fc.constant(at),
  }),
  fc.record({
    node: fc.constant("metrics_aggregate" as const),
    fn: fc.constantFrom("min_over_time" as const, "histogram_over_time" as const),
    field: reference,
    by: fc.array(reference, { maxLength: 3 }),
    at: fc.constant(at),
  }),
  fc.record({
    node: fc.constant("metrics_aggregate" as const),
    fn: fc.constant("quantile_over_time" as const),
    field: reference,
    quantiles: fc.array(fc.double({ min: 0, max: 1, noNaN: true }).map((q) => q + 0), {
      minLength: 1,
      maxLength: 3,
    }),
    argumentsAt: fc.constant([]),
    by: fc.array(reference, { maxLength: 3 }),
    at: fc.constant(at),
  }),
  fc.record({
    node: fc.constant("metrics_aggregate" as const),
    fn: fc.constant("compare" as const),
    selection: filter,
    top: fc.bigInt({ min: 0n, max: 99n }),
    startNano: fc.bigInt({ min: 0n, max: 1n }),
    endNano: fc.bigInt({ min: 0n, max: INT_MAX }),
    argumentsAt: fc.constant([]),
    by: fc.constant([]),
    at: fc.constant(at),
  }),
);

const metricsPipeline = fc.record({
  node: fc.constant("metrics_pipeline" as const),
  pipeline,
  aggregate: metricsAggregate,
  second,
  at: fc.constant(at),
});

const metricsOperand = fc.letrec<{ query: MetricsQuery; operand: MetricsExpr }>((tie) => ({
  operand: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("query"),
    fc.oneof(int, float).map((value): MetricsExpr => ({ node: "metrics_constant", value, at })),
  ),
  query: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    metricsPipeline,
    fc.tuple(
      fc.constantFrom(..."+-*/") as fc.Arbitrary<"+">,
      tie("query"),
      tie("operand"),
      fc.boolean(),
    ).map(([op, a, b, swapped]): MetricsQuery => ({
      node: "metrics_operation",
      op,
      left: swapped ? b : a,
      right: swapped ? a : b,
      second: [],
      at,
    })),
  ),
})).query;

const metrics: fc.Arbitrary<MetricsQuery> = fc.tuple(metricsOperand, second)
  .map(([query, outer]) => ({ ...query, second: [...query.second, ...outer] }));

/** Constants with a sign are no constants to the grammar of hints. */
const hints = fc.array(
  fc.record({
    name: fc.constantFrom("most_recent", "sample", "x1"),
    value: fc.oneof(text, fc.boolean().map((value): StaticValue => ({ type: "bool", value }))),
    at: fc.constant(at),
  }),
  { maxLength: 2 },
);

export const trees: fc.Arbitrary<RootExpr> = fc.record({
  node: fc.constant("root" as const),
  query: fc.oneof(pipeline, pipes, metrics),
  hints,
});
