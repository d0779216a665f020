// What a condition asks of a string: equality with some texts, an order, or a regular expression.
// Regular expressions are RE2's and match the whole text. Most are a literal with `.*` around it or
// alternatives of literals: those are found without the automaton, twenty times as fast. Of the others
// most contain literals, and only texts that contain them are shown to it.

import { RE2JS } from "re2js";
import { InputError } from "../../lib/errors.ts";
import { containsInOrder, requiredLiterals } from "./required_literals.ts";
import { type CompareOp, evaluateBinary } from "../traceql/mod.ts";

export interface StringTest {
  matches(text: string): boolean;
  /** Set where the test is equality with one of these. */
  readonly anyOf: readonly string[] | undefined;
}

/** For `!=` and `!~` the positive test: what must not be. Several texts only with `=`. */
export function stringTest(op: CompareOp | "=~" | "!~", ...texts: string[]): StringTest {
  const text = texts[0]!;
  switch (op) {
    case "=":
    case "!=":
      return equality(texts);
    case "=~":
    case "!~":
      return wholeMatch(text);
    default:
      return { anyOf: undefined, matches: (value) => isOrdered(op, value, text) };
  }
}

function equality(texts: readonly string[]): StringTest {
  const wanted = new Set(texts);
  return { anyOf: [...wanted], matches: (value) => wanted.has(value) };
}

function isOrdered(op: CompareOp, left: string, right: string): boolean {
  const result = evaluateBinary(
    op,
    { type: "string", value: left },
    { type: "string", value: right },
  );
  return result?.type === "bool" && result.value;
}

function wholeMatch(pattern: string): StringTest {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch (error) {
    throw new InputError("invalid_argument", `invalid regex: ${pattern}`, { cause: error });
  }
  const alternatives = pattern.split("|").map(literalOf);
  if (alternatives.every((text) => text !== undefined)) return equality(alternatives);
  const around = /^(\.\*)?(.*?)(\.\*)?$/s.exec(pattern)!;
  const literal = literalOf(around[2]!);
  const isOpenBefore = around[1] !== undefined;
  const isOpenAfter = around[3] !== undefined;
  const required = requiredLiterals(pattern);
  const matches = (text: string) => containsInOrder(text, required) && regex.matches(text);
  if (literal === undefined) return { anyOf: undefined, matches };
  return {
    anyOf: undefined,
    matches: (text) => {
      const holds = !isOpenBefore
        ? isOpenAfter ? text.startsWith(literal) : text === literal
        : isOpenAfter
        ? text.includes(literal)
        : text.endsWith(literal);
      // "." is not a line feed.
      return holds && (!text.includes("\n") || matches(text));
    },
  };
}

/** The text that a pattern without any operator stands for. */
function literalOf(pattern: string): string | undefined {
  let text = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (char === "\\") {
      const next = pattern[++i];
      if (next === undefined || !/[^A-Za-z0-9\s]/.test(next)) return undefined;
      text += next;
    } else if (/[.+*?()|[\]{}^$]/.test(char)) return undefined;
    else text += char;
  }
  return text;
}
