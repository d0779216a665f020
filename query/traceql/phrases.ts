// Small phrases that several parts of the grammar share: lists of attributes, and hints.
import type { Hint, Reference } from "./ast.ts";
import { tryReference, tryStatic } from "./field_parser.ts";
import type { TokenReader } from "./token_reader.ts";

/** `"(" attr { "," attr } ")"` */
export function parseReferences(tokens: TokenReader): Reference[] {
  tokens.expect("(");
  const references: Reference[] = [];
  do references.push(parseReference(tokens)); while (tokens.take(","));
  if (!tokens.take(")")) throw tokens.unexpected(",", ")");
  return references;
}

export function parseReference(tokens: TokenReader): Reference {
  const reference = tryReference(tokens);
  if (reference === undefined) throw tokens.unexpected();
  return reference;
}

/** `{ "with" "(" name "=" constant { "," … } ")" }` */
export function parseHints(tokens: TokenReader): Hint[] {
  const hints: Hint[] = [];
  while (tokens.take("with")) {
    tokens.expect("(");
    do {
      const { text, at } = tokens.expectKind("IDENTIFIER");
      tokens.expect("=");
      const constant = tryStatic(tokens);
      if (constant === undefined) throw tokens.unexpected();
      hints.push({ name: text, value: constant.value, at });
    } while (tokens.take(","));
    if (!tokens.take(")")) throw tokens.unexpected(",", ")");
  }
  return hints;
}
