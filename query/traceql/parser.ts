// Whole queries: pipelines, scalar filters, metrics and their arithmetic. One precedence climber for
// all: what an operand is (spanset, scalar, metrics, …) decides which operators may follow it, so a
// parenthesis needs no looking ahead (item.ts).
import type {
  Aggregate,
  CompareOp,
  MetricsAggregate,
  MetricsPipeline,
  MetricsQuery,
  Pipeline,
  Position,
  Reference,
  RootExpr,
  SecondStage,
  SpansetFilter,
  Stage,
  StaticField,
} from "./ast.ts";
import { checkDepth } from "./depth.ts";
import { combine, COMPARISONS, type Item, POWER, precedenceAfter, SUM } from "./item.ts";
import { parseField, tryReference, tryStatic } from "./field_parser.ts";
import { isMetricsFunction, parseMetricsAggregate } from "./metrics_parser.ts";
import { scalarOperation, staticField } from "./nodes.ts";
import { parseHints, parseReferences } from "./phrases.ts";
import { parseError } from "./refusal.ts";
import { TokenReader } from "./token_reader.ts";

/** Throws InputError with the place of the first thing that is wrong. */
export function parse(text: string): RootExpr {
  const tokens = new TokenReader(text);
  const query = parseQuery(tokens);
  const hints = parseHints(tokens);
  if (tokens.peek().kind !== "$end") throw tokens.unexpected("with");
  const root: RootExpr = { node: "root", query, hints };
  checkDepth(root);
  return root;
}

/** One attribute or intrinsic and nothing else, as tag names are given. */
export function parseIdentifier(text: string): Reference {
  const tokens = new TokenReader(text);
  const reference = tryReference(tokens);
  if (reference === undefined || tokens.peek().kind !== "$end") throw tokens.unexpected();
  return reference;
}

function parseQuery(tokens: TokenReader): Pipeline | MetricsQuery {
  const { at } = tokens;
  const sequence = parseSequence(tokens);
  switch (sequence.kind) {
    case "spanset":
    case "pipe":
      return toPipeline([sequence.expr], at);
    case "stage":
    case "scalar_pipe_filter":
      return toPipeline([sequence.stage], at);
    case "stages":
      return toPipeline(sequence.stages, at);
    case "metrics": {
      const second = [...sequence.expr.second, ...parseSecond(tokens)];
      return { ...sequence.expr, second };
    }
    case "scalar":
    case "scalar_pipe":
      throw tokens.unexpected();
  }
}

// ---- Sequences and operators ----

type Sequence = Item | { readonly kind: "stages"; readonly stages: readonly Stage[] };

/** `item { "|" item }` as far as it goes; a sequence of one is what its item is. */
function parseSequence(tokens: TokenReader): Sequence {
  const { at } = tokens;
  const first = parseItem(tokens, 0, true);
  if (first.kind !== "spanset" && first.kind !== "stage") return first;
  if (!tokens.is("|")) return first;

  const stages: Stage[] = [toStage(first)];
  while (tokens.take("|")) {
    if (isMetricsFunction(tokens.peek())) return toMetrics(tokens, toPipeline(stages, at));
    const item = parseItem(tokens, 0, false);
    if (item.kind === "scalar" && item.expr.node !== "static") {
      return { kind: "scalar_pipe", expr: { node: "scalar_pipe", stages, scalar: item.expr, at } };
    }
    if (item.kind !== "spanset" && item.kind !== "stage") throw tokens.unexpected();
    stages.push(toStage(item));
  }
  return { kind: "stages", stages };
}

const toStage = (item: Item & { kind: "spanset" | "stage" }) =>
  item.kind === "spanset" ? item.expr : item.stage;

/** A lone pipeline in parentheses is that pipeline. */
function toPipeline(stages: readonly Stage[], at: Position): Pipeline {
  const [only] = stages;
  if (stages.length === 1 && only?.node === "pipeline") return only;
  return { node: "pipeline", stages, at };
}

function toMetrics(tokens: TokenReader, pipeline: Pipeline): Item {
  const aggregate: MetricsAggregate = parseMetricsAggregate(tokens);
  const second = parseSecond(tokens);
  const expr: MetricsPipeline = {
    node: "metrics_pipeline",
    pipeline,
    aggregate,
    second,
    at: pipeline.at,
  };
  return { kind: "metrics", expr };
}

function parseItem(tokens: TokenReader, minimum: number, isFirst: boolean): Item {
  let left = parseOperand(tokens, isFirst);
  for (;;) {
    const { kind, label } = tokens.peek();
    const precedence = kind === "operator" ? precedenceAfter(left, label) : 0;
    if (precedence === 0 || precedence < minimum) return left;
    const { at } = tokens.next();
    const rightStart = tokens.peek();
    const rightMinimum = precedence === POWER ? POWER : precedence + 1;
    const right = tokens.nested(() => parseItem(tokens, rightMinimum, true));
    const combined = combine(label, left, right, at);
    if (combined === undefined) {
      throw rightStart.label === "(" || left.kind === "pipe"
        ? parseError(rightStart.at, `syntax error: unexpected ${rightStart.label}`)
        : tokens.unexpected();
    }
    left = combined;
  }
}

// ---- Operands ----

function parseOperand(tokens: TokenReader, isFirst: boolean): Item {
  const { kind, label, at } = tokens.peek();
  const isNumber = kind === "INTEGER" || kind === "FLOAT" || kind === "DURATION" ||
    (kind === "keyword" && (label === "minInt" || label === "maxInt"));
  if (isNumber) {
    return { kind: "scalar", expr: tryStatic(tokens)!, foldedDuration: false };
  }
  switch (label) {
    case "{":
      return { kind: "spanset", expr: parseFilter(tokens), asPipe: false };
    case "(":
      return parseParenthesis(tokens);
    case "-":
      return parseNegative(tokens);
    case "count":
    case "min":
    case "max":
    case "avg":
    case "sum":
      return { kind: "scalar", expr: parseAggregate(tokens), foldedDuration: false };
    case "by": {
      tokens.next();
      tokens.expect("(");
      const field = parseField(tokens);
      tokens.expect(")");
      return { kind: "stage", stage: { node: "by", field, at } };
    }
    case "select":
      tokens.next();
      return { kind: "stage", stage: { node: "select", fields: parseReferences(tokens), at } };
    case "coalesce":
      if (isFirst) throw tokens.unexpected();
      tokens.next();
      tokens.expect("(");
      tokens.expect(")");
      return { kind: "stage", stage: { node: "coalesce", at } };
    default:
      throw tokens.unexpected();
  }
}

function parseFilter(tokens: TokenReader): SpansetFilter {
  const { at } = tokens.expect("{");
  if (tokens.take("}")) {
    const condition: StaticField = staticField({ type: "bool", value: true }, at);
    return { node: "filter", condition, at };
  }
  const condition = parseField(tokens);
  if (!tokens.take("}")) throw tokens.unexpected();
  return { node: "filter", condition, at };
}

function parseAggregate(tokens: TokenReader): Aggregate {
  const { label, at } = tokens.next();
  const fn = label as Aggregate["fn"];
  tokens.expect("(");
  if (fn === "count") {
    tokens.expect(")");
    return { node: "aggregate", fn, at };
  }
  const field = parseField(tokens);
  tokens.expect(")");
  return { node: "aggregate", fn, field, at };
}

/** Only constants have a sign here. */
function parseNegative(tokens: TokenReader): Item {
  const { at } = tokens.expect("-");
  const start = tokens.peek();
  const item = tokens.nested(() => parseOperand(tokens, true));
  if (item.kind !== "scalar" || item.expr.node !== "static") {
    throw parseError(start.at, `syntax error: unexpected ${start.label}`);
  }
  const zero = staticField({ type: "int", value: 0n }, at);
  const { value } = item.expr;
  const expr = value.type === "float"
    ? staticField({ type: "float", value: -value.value }, at)
    : scalarOperation("-", zero, item.expr, at);
  return { kind: "scalar", expr, foldedDuration: item.foldedDuration };
}

function parseParenthesis(tokens: TokenReader): Item {
  const { at } = tokens.expect("(");
  const inner = tokens.nested(() => parseSequence(tokens));
  if (inner.kind === "scalar_pipe_filter") throw tokens.unexpected();
  tokens.expect(")");
  switch (inner.kind) {
    case "spanset":
      return { ...inner, asPipe: true };
    case "stage":
      return { kind: "pipe", expr: { node: "pipeline", stages: [inner.stage], at } };
    case "stages":
      return { kind: "pipe", expr: { node: "pipeline", stages: inner.stages, at } };
    default:
      return inner;
  }
}

// ---- Second stages ----

function parseSecond(tokens: TokenReader): SecondStage[] {
  const second: SecondStage[] = [];
  for (;;) {
    const { kind, label, at } = tokens.peek();
    if (tokens.take("|")) {
      if (!tokens.is("topk") && !tokens.is("bottomk")) throw tokens.unexpected("topk", "bottomk");
      const fn = tokens.next().label as "topk" | "bottomk";
      tokens.expect("(");
      const { int: limit, at: limitAt } = tokens.expectKind("INTEGER");
      tokens.expect(")");
      second.push({ node: "top_bottom", fn, limit, at: limitAt });
    } else if (kind === "operator" && COMPARISONS.has(label)) {
      tokens.next();
      second.push({
        node: "series_filter",
        op: label as CompareOp,
        value: parseConstant(tokens).value,
        at,
      });
    } else return second;
  }
}

function parseConstant(tokens: TokenReader): StaticField {
  const start = tokens.peek();
  const item = parseItem(tokens, SUM, true);
  if (item.kind !== "scalar" || item.expr.node !== "static" || item.foldedDuration) {
    throw parseError(start.at, `syntax error: unexpected ${start.label}, expecting a constant`);
  }
  return item.expr;
}
