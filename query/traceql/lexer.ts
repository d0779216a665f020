// Text to tokens, one at a time, so that the error reported is the first one met.
// Rules: columns count characters from 1; an attribute is one token, its name reaching to the next
// character that cannot be in it (`+ - * / % . : [ ]` can, so `.a-b` is one attribute).
import type { AttributeScope, Position } from "./ast.ts";
import { parseDuration } from "./duration.ts";
import { parseError } from "./refusal.ts";
import { readString } from "./string_literal.ts";
import { INT_MAX } from "./value.ts";

export type TokenKind =
  | "$end"
  | "IDENTIFIER"
  | "STRING"
  | "INTEGER"
  | "FLOAT"
  | "DURATION"
  | "attribute"
  /** `span:` and the like; the intrinsic's own word follows. */
  | "scope"
  | "keyword"
  | "operator";

export interface Token {
  readonly kind: TokenKind;
  /** As errors name it: the text of keywords and operators, `span.` of attributes, or the kind. */
  readonly label: string;
  /** Identifier, string without quotes, or attribute name. */
  readonly text: string;
  readonly attributeScope: AttributeScope;
  readonly int: bigint;
  readonly float: number;
  readonly at: Position;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  ..."true false nil ok error unset unspecified internal server client producer consumer".split(
    " ",
  ),
  ..."minInt maxInt by select coalesce with count avg min max sum compare topk bottomk".split(" "),
  ..."rate count_over_time min_over_time max_over_time avg_over_time sum_over_time".split(" "),
  ..."quantile_over_time histogram_over_time".split(" "),
  ..."duration name status statusMessage kind traceDuration rootName rootServiceName".split(" "),
  ..."rootService id parentID childCount parent nestedSetLeft nestedSetRight".split(" "),
  ..."nestedSetParent timeSinceStart traceID spanID version".split(" "),
]);

const DOT_SCOPES: Readonly<Record<string, AttributeScope>> = {
  resource: "resource",
  span: "span",
  event: "event",
  link: "link",
  instrumentation: "instrumentation",
  parent: "parent",
};

const COLON_SCOPES: ReadonlySet<string> = new Set([
  "trace",
  "span",
  "event",
  "link",
  "instrumentation",
]);

/** Longest first. */
const OPERATORS: readonly string[] = [
  ..."!>> !<< &>> &<<".split(" "),
  ..."!= <= >= =~ !~ && || >> << !> !< &> &< &~".split(" "),
  ..."{ } ( ) , | = < > + - * / % ^ ! ~".split(" "),
];

const SPACE = /\s+/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const BLOCK_COMMENT_START = /\/\*/y;
const WORD = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const DURATION_LIKE = /[0-9.nuµμmshdwy]+/y;
const NUMBER = /(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
/** What may stand in an attribute name without quotes; the quote itself opens a quoted part. */
const NAME_PART = /[^\s{}()=~!<>&|^,"]+/y;

export class Lexer {
  readonly #text: string;
  #index = 0;
  /** Position of `#placedIndex`, moved forward only, so that a whole text costs one pass. */
  #placedIndex = 0;
  #line = 1;
  #column = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    this.#skipSpace();
    const start = this.#index;
    const at = this.#place(start);
    if (start >= this.#text.length) return token("$end", "$end", "", at);

    const char = this.#text[start]!;
    if (char === '"' || char === "`") return this.#string(at);
    if (isDigit(char) || (char === "." && isDigit(this.#text[start + 1] ?? ""))) {
      return this.#number(at);
    }
    if (char === ".") {
      this.#index++;
      return this.#attribute("any", ".", at);
    }
    const word = this.#match(WORD);
    if (word !== "") return this.#word(word, at);

    for (const operator of OPERATORS) {
      if (this.#text.startsWith(operator, start)) {
        this.#index += operator.length;
        return token("operator", operator, operator, at);
      }
    }
    const unknown = String.fromCodePoint(this.#text.codePointAt(start)!);
    throw parseError(at, `syntax error: unexpected ${unknown}`);
  }

  #skipSpace(): void {
    for (;;) {
      if (this.#match(SPACE) !== "" || this.#match(LINE_COMMENT) !== "") continue;
      const start = this.#index;
      if (this.#match(BLOCK_COMMENT_START) === "") return;
      const end = this.#text.indexOf("*/", this.#index);
      if (end < 0) throw parseError(this.#place(start), "comment not terminated");
      this.#index = end + 2;
    }
  }

  #string(at: Position): Token {
    const read = readString(this.#text, this.#index);
    if (typeof read === "string") throw parseError(at, read);
    this.#index = read.next;
    return token("STRING", "STRING", read.value, at);
  }

  /** A duration if everything that could belong to one makes one; a number otherwise. */
  #number(at: Position): Token {
    const start = this.#index;
    const durationLike = this.#match(DURATION_LIKE);
    const nano = parseDuration(durationLike);
    if (nano !== undefined) {
      if (nano > INT_MAX) throw parseError(at, `duration out of range: ${durationLike}`);
      return { ...token("DURATION", "DURATION", durationLike, at), int: nano };
    }
    this.#index = start;
    const number = this.#match(NUMBER);
    if (/^[0-9]+$/.test(number)) {
      // Length first: making a BigInt of a very long text is not linear.
      const int = number.length > 100 ? INT_MAX + 1n : BigInt(number);
      if (int > INT_MAX) {
        throw parseError(at, `strconv.Atoi: parsing "${number}": value out of range`);
      }
      return { ...token("INTEGER", "INTEGER", number, at), int };
    }
    const float = Number(number);
    if (!Number.isFinite(float)) {
      throw parseError(at, `strconv.ParseFloat: parsing "${number}": value out of range`);
    }
    return { ...token("FLOAT", "FLOAT", number, at), float };
  }

  #word(word: string, at: Position): Token {
    const next = this.#text[this.#index];
    if (next === "." && Object.hasOwn(DOT_SCOPES, word)) {
      this.#index++;
      if (word === "parent") {
        for (const inner of ["resource", "span"] as const) {
          if (!this.#text.startsWith(`${inner}.`, this.#index)) continue;
          this.#index += inner.length + 1;
          return this.#attribute(`parent.${inner}`, `parent.${inner}.`, at);
        }
      }
      return this.#attribute(DOT_SCOPES[word]!, `${word}.`, at);
    }
    if (next === ":" && COLON_SCOPES.has(word)) {
      this.#index++;
      return token("scope", `${word}:`, `${word}:`, at);
    }
    if (KEYWORDS.has(word)) return token("keyword", word, word, at);
    return token("IDENTIFIER", "IDENTIFIER", word, at);
  }

  #attribute(scope: AttributeScope, label: string, at: Position): Token {
    const start = this.#index;
    let name = "";
    for (;;) {
      name += this.#match(NAME_PART);
      if (this.#text[this.#index] !== '"') break;
      name += this.#quotedPart();
    }
    if (this.#index === start) {
      throw parseError(at, "syntax error: unexpected END_ATTRIBUTE, expecting IDENTIFIER");
    }
    return { ...token("attribute", label, name, at), attributeScope: scope };
  }

  /** Only `\"` and `\\` are escapes here; any other backslash stands for itself. */
  #quotedPart(): string {
    const start = this.#index++;
    let part = "";
    for (;;) {
      const char = this.#text[this.#index++];
      if (char === undefined) {
        throw parseError(this.#place(start), "literal not terminated");
      }
      if (char === '"') return part;
      const next = this.#text[this.#index];
      if (char === "\\" && (next === '"' || next === "\\")) {
        part += next;
        this.#index++;
      } else part += char;
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#index;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#index += found.length;
    return found;
  }

  #place(index: number): Position {
    while (this.#placedIndex < index) {
      const code = this.#text.codePointAt(this.#placedIndex)!;
      this.#placedIndex += code > 0xffff ? 2 : 1;
      if (code === 0x0a) {
        this.#line++;
        this.#column = 1;
      } else this.#column++;
    }
    return { line: this.#line, column: this.#column };
  }
}

function token(kind: TokenKind, label: string, text: string, at: Position): Token {
  return { kind, label, text, attributeScope: "any", int: 0n, float: 0, at };
}

const isDigit = (char: string) => char >= "0" && char <= "9" && char.length === 1;
