// The functions that make series of spans: `rate()`, `quantile_over_time(duration, .9) by (name)`,
// `compare({ status = error }, 10)`.
import type { MetricsAggregate, Position, Reference, SpansetFilter } from "./ast.ts";
import { parseField } from "./field_parser.ts";
import type { Token } from "./lexer.ts";
import { parseReference, parseReferences } from "./phrases.ts";
import type { TokenReader } from "./token_reader.ts";

type MetricsFunction = MetricsAggregate["fn"];

const FUNCTIONS: Readonly<Record<MetricsFunction, true>> = {
  rate: true,
  count_over_time: true,
  min_over_time: true,
  max_over_time: true,
  sum_over_time: true,
  avg_over_time: true,
  quantile_over_time: true,
  histogram_over_time: true,
  compare: true,
};

export const isMetricsFunction = ({ kind, label }: Token) =>
  kind === "keyword" && Object.hasOwn(FUNCTIONS, label);

const TOP_DEFAULT = 10n;

/** The next token is known to be the name of one. */
export function parseMetricsAggregate(tokens: TokenReader): MetricsAggregate {
  const { label, at } = tokens.next();
  const fn = label as MetricsFunction;
  tokens.expect("(");
  switch (fn) {
    case "compare":
      return parseCompare(tokens, at);
    case "rate":
    case "count_over_time":
      tokens.expect(")");
      return { node: "metrics_aggregate", fn, by: parseBy(tokens), at };
    case "quantile_over_time": {
      const field = parseReference(tokens);
      const quantiles: number[] = [];
      const argumentsAt: Position[] = [];
      do {
        tokens.expect(",");
        argumentsAt.push(tokens.at);
        quantiles.push(parseQuantile(tokens));
      } while (!tokens.take(")"));
      const by = parseBy(tokens);
      return { node: "metrics_aggregate", fn, field, quantiles, argumentsAt, by, at };
    }
    default: {
      const field = parseReference(tokens);
      tokens.expect(")");
      return { node: "metrics_aggregate", fn, field, by: parseBy(tokens), at };
    }
  }
}

function parseBy(tokens: TokenReader): Reference[] {
  return tokens.take("by") ? parseReferences(tokens) : [];
}

function parseQuantile(tokens: TokenReader): number {
  const { kind } = tokens.peek();
  if (kind === "FLOAT") return tokens.next().float;
  if (kind === "INTEGER") return Number(tokens.next().int);
  throw tokens.unexpected("INTEGER", "FLOAT");
}

function parseCompare(tokens: TokenReader, at: Position): MetricsAggregate {
  const filterAt = tokens.expect("{").at;
  const condition = parseField(tokens);
  tokens.expect("}");
  const selection: SpansetFilter = { node: "filter", condition, at: filterAt };
  const argumentsAt: Position[] = [];
  const integer = () => {
    const { int, at: argumentAt } = tokens.expectKind("INTEGER");
    argumentsAt.push(argumentAt);
    return int;
  };
  let top = TOP_DEFAULT, startNano = 0n, endNano = 0n;
  if (tokens.take(",")) {
    top = integer();
    if (tokens.take(",")) {
      startNano = integer();
      tokens.expect(",");
      endNano = integer();
    }
  }
  tokens.expect(")");
  return {
    node: "metrics_aggregate",
    fn: "compare",
    selection,
    top,
    startNano,
    endNano,
    argumentsAt,
    by: [],
    at,
  };
}
