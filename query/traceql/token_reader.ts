// One token of lookahead over the lexer, and the wording of syntax errors.
// Rule: nesting is counted here, so that no text can overflow the stack of the parser.
import type { Position } from "./ast.ts";
import { Lexer, type Token, type TokenKind } from "./lexer.ts";
import { parseError } from "./refusal.ts";

/** Parentheses, unary operators and right-hand sides within each other. */
const NESTING_MAX = 200;

export class TokenReader {
  readonly #lexer: Lexer;
  #peeked: Token | undefined;
  #nesting = 0;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  peek(): Token {
    return this.#peeked ??= this.#lexer.next();
  }

  next(): Token {
    const token = this.peek();
    this.#peeked = undefined;
    return token;
  }

  /** Is the next token this operator or keyword? */
  is(label: string): boolean {
    const { kind, label: found } = this.peek();
    return found === label && (kind === "operator" || kind === "keyword");
  }

  /** Takes the next token if it is this operator or keyword. */
  take(label: string): boolean {
    if (!this.is(label)) return false;
    this.next();
    return true;
  }

  expect(label: string): Token {
    if (!this.is(label)) throw this.unexpected(label);
    return this.next();
  }

  expectKind(kind: TokenKind): Token {
    if (this.peek().kind !== kind) throw this.unexpected(kind);
    return this.next();
  }

  unexpected(...expected: string[]): Error {
    const { at, label } = this.peek();
    const expecting = expected.length === 0 ? "" : `, expecting ${expected.join(" or ")}`;
    return parseError(at, `syntax error: unexpected ${label}${expecting}`);
  }

  /** Runs a parser one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.#nesting > NESTING_MAX) {
      throw parseError(this.peek().at, `query is nested deeper than ${NESTING_MAX}`);
    }
    const result = parse();
    this.#nesting--;
    return result;
  }

  get at(): Position {
    return this.peek().at;
  }
}
