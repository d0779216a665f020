// Expressions over one span: precedence climbing, low to high
//   && || (equal, left) · = != < <= > >= =~ !~ · + - · ! · * / % · ^ (right) · unary -
// so `a || b && c` is `(a || b) && c`, and `!` reaches over `*` but not over `+` or a comparison.
import type {
  AttributeRef,
  FieldExpr,
  FieldOp,
  IntrinsicName,
  LogicOp,
  Position,
  Reference,
  StaticField,
} from "./ast.ts";
import { binaryField, logicChain, presenceField, staticField, unaryField } from "./nodes.ts";
import type { TokenReader } from "./token_reader.ts";
import type { Token } from "./lexer.ts";
import { parseError } from "./refusal.ts";
import { INT_MAX, INT_MIN, KINDS, type KindWord, STATUSES, type StatusWord } from "./value.ts";

const LOGIC = 2, COMPARISON = 3, SUM = 4, NOT = 5, PRODUCT = 6, POWER = 7, MINUS = 8;

const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ...["=", "!=", "<", "<=", ">", ">=", "=~", "!~"].map((op) => [op, COMPARISON] as const),
  ...["+", "-"].map((op) => [op, SUM] as const),
  ...["*", "/", "%"].map((op) => [op, PRODUCT] as const),
  ["^", POWER],
]);

export function parseField(tokens: TokenReader): FieldExpr {
  return tokens.nested(() => {
    let left = parseAbove(tokens, COMPARISON);
    while (tokens.is("&&") || tokens.is("||")) {
      const op = tokens.peek().label as LogicOp;
      const operands = [left];
      const ats: Position[] = [];
      while (tokens.is(op)) {
        ats.push(tokens.next().at);
        operands.push(parseAbove(tokens, COMPARISON));
      }
      left = logicChain(op, operands, ats);
    }
    return left;
  });
}

/** Operators of at least this precedence. */
function parseAbove(tokens: TokenReader, minimum: number): FieldExpr {
  let left = parseUnary(tokens);
  for (;;) {
    const { kind, label } = tokens.peek();
    const precedence = kind === "operator" ? PRECEDENCE.get(label) ?? 0 : 0;
    if (precedence < minimum || precedence <= LOGIC) return left;
    const { at } = tokens.next();
    if ((label === "=" || label === "!=") && tokens.take("nil")) {
      left = presenceField(label === "=" ? "missing" : "present", left, at);
      continue;
    }
    // `^` leans right: its right side takes a further one of its own level.
    const right = tokens.nested(() =>
      parseAbove(tokens, precedence === POWER ? POWER : precedence + 1)
    );
    left = binaryField(label as FieldOp, left, right, at);
  }
}

function parseUnary(tokens: TokenReader): FieldExpr {
  const { at } = tokens;
  if (tokens.take("-")) {
    return unaryField("-", tokens.nested(() => parseAbove(tokens, MINUS)), at);
  }
  if (tokens.take("!")) {
    return unaryField("!", tokens.nested(() => parseAbove(tokens, NOT + 1)), at);
  }
  if (tokens.take("nil")) return parseAfterNil(tokens, at);
  return parsePrimary(tokens);
}

/** Nil is no value: it stands only on either side of `=` and `!=`. */
function parseAfterNil(tokens: TokenReader, at: Position): FieldExpr {
  const isMissing = tokens.is("=");
  if (!isMissing && !tokens.is("!=")) throw tokens.unexpected("=", "!=");
  tokens.next();
  const operand = tokens.take("nil")
    ? undefined
    : tokens.nested(() => parseAbove(tokens, COMPARISON + 1));
  return presenceField(isMissing ? "missing" : "present", operand, at);
}

function parsePrimary(tokens: TokenReader): FieldExpr {
  if (tokens.take("(")) {
    const inner = parseField(tokens);
    tokens.expect(")");
    return inner;
  }
  const constant = tryStatic(tokens);
  if (constant !== undefined) return constant;
  const reference = tryReference(tokens);
  if (reference !== undefined) return reference;
  const { kind, text, at } = tokens.peek();
  if (kind === "IDENTIFIER") throw parseError(at, `unknown identifier: ${text}`);
  throw tokens.unexpected();
}

/** A constant without a sign, if one is next. */
export function tryStatic(tokens: TokenReader): StaticField | undefined {
  const value = toStatic(tokens.peek());
  return value === undefined ? undefined : staticField(value, tokens.next().at);
}

function toStatic({ kind, label, text, int, float }: Token): StaticField["value"] | undefined {
  if (kind === "STRING") return { type: "string", value: text };
  if (kind === "INTEGER") return { type: "int", value: int };
  if (kind === "FLOAT") return { type: "float", value: float };
  if (kind === "DURATION") return { type: "duration", value: int };
  if (kind !== "keyword") return undefined;
  if (label === "true" || label === "false") return { type: "bool", value: label === "true" };
  if (label === "minInt") return { type: "int", value: INT_MIN };
  if (label === "maxInt") return { type: "int", value: INT_MAX };
  if (isStatus(label)) return { type: "status", value: label };
  if (isKind(label)) return { type: "kind", value: label };
  return undefined;
}

const isStatus = (word: string): word is StatusWord => STATUSES.includes(word as StatusWord);
const isKind = (word: string): word is KindWord => KINDS.includes(word as KindWord);

const UNSCOPED: Readonly<Record<string, IntrinsicName>> = {
  duration: "duration",
  name: "name",
  status: "status",
  statusMessage: "statusMessage",
  kind: "kind",
  traceDuration: "traceDuration",
  rootName: "rootName",
  rootServiceName: "rootServiceName",
  nestedSetLeft: "nestedSetLeft",
  nestedSetRight: "nestedSetRight",
  nestedSetParent: "nestedSetParent",
  parent: "parent",
};

const SCOPED: Readonly<Record<string, Readonly<Record<string, IntrinsicName>>>> = {
  "span:": {
    duration: "duration",
    name: "name",
    kind: "kind",
    status: "status",
    statusMessage: "statusMessage",
    id: "span:id",
    parentID: "span:parentID",
    childCount: "span:childCount",
  },
  "trace:": {
    duration: "traceDuration",
    rootName: "rootName",
    rootService: "rootServiceName",
    id: "trace:id",
  },
  "event:": { name: "event:name", timeSinceStart: "event:timeSinceStart" },
  "link:": { traceID: "link:traceID", spanID: "link:spanID" },
  "instrumentation:": { name: "instrumentation:name", version: "instrumentation:version" },
};

/** An attribute or intrinsic, if one is next. */
export function tryReference(tokens: TokenReader): Reference | undefined {
  const { kind, label, at } = tokens.peek();
  if (kind === "attribute") return toAttribute(tokens.next());
  if (kind === "scope") {
    tokens.next();
    const words = SCOPED[label]!;
    const inner = tokens.peek();
    if (inner.kind !== "keyword" || !Object.hasOwn(words, inner.label)) {
      const known = Object.keys(words);
      throw known.length > 4 ? tokens.unexpected() : tokens.unexpected(...known);
    }
    tokens.next();
    return { node: "intrinsic", name: words[inner.label]!, at };
  }
  if (kind === "keyword" && Object.hasOwn(UNSCOPED, label)) {
    tokens.next();
    return { node: "intrinsic", name: UNSCOPED[label]!, at };
  }
  return undefined;
}

function toAttribute({ attributeScope, text, at }: Token): AttributeRef {
  return { node: "attribute", scope: attributeScope, name: text, at };
}
