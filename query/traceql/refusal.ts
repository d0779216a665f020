// How a query is refused: what is wrong with it, and where.
// Rule: every refusal tells line and column. Errors of syntax tell them first, in the peer's form; what the
// peer refuses without a place keeps its words, and the place follows in parentheses, so that whoever
// looks for the words still finds them.
import { InputError } from "../../lib/errors.ts";
import type { Position } from "./ast.ts";

/** A text that is outside of the grammar. */
export function parseError(at: Position, reason: string): InputError {
  return new InputError(
    "invalid_argument",
    `parse error at line ${at.line}, col ${at.column}: ${reason}`,
  );
}

/** A text that parses and is refused all the same. */
export function refusal(at: Position, reason: string, options: ErrorOptions = {}): InputError {
  const place = `(line ${at.line}, col ${at.column})`;
  return new InputError("invalid_argument", `${reason} ${place}`, options);
}
