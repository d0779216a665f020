// Query texts of requests, checked before anybody works on them.
import { InputError } from "../lib/errors.ts";
import {
  parse,
  parseAndValidate,
  parseIdentifier,
  print,
  refusal,
  type RootExpr,
  validate,
} from "../query/traceql/mod.ts";

export interface CheckedQuery {
  readonly text: string;
  /** By the hint `with (most_recent=true)`. */
  readonly isMostRecent: boolean;
  readonly root: RootExpr;
}

export function checkSearchQuery(text: string, bytesMax: number): CheckedQuery {
  checkSize(text, bytesMax);
  const root = inWords("invalid TraceQL query", () => parseAndValidate(text));
  if (root.query.node !== "pipeline") {
    throw refusal(root.query.at, "invalid TraceQL query: a metrics query cannot be searched");
  }
  return { text, root, isMostRecent: isHintSet(root, "most_recent") };
}

/** A TraceQL identifier such as `span.http.method`. */
export function checkTag(tag: string): void {
  inWords(`please provide a valid tagName: failed to parse identifier ${tag}`, () => {
    try {
      parseIdentifier(tag);
    } catch (error) {
      parse(`{${tag}}`); // the peer reads tags so, and its columns count the brace
      throw error;
    }
  });
}

/**
 * The filter that narrows tags and values, or "". People are still typing it: a comparison without
 * its right side narrows nothing, and neither does a text that is no query.
 */
export function narrowingFilter(text: string, bytesMax: number): string {
  checkSize(text, bytesMax);
  const root = tryParse(text) ?? tryParse(text.replaceAll(INCOMPLETE, "true"));
  if (root === undefined || root.query.node !== "pipeline") return "";
  const [filter] = root.query.stages;
  if (filter === undefined || filter.node !== "filter") return "";
  return print({ ...root, query: { ...root.query, stages: [filter] }, hints: [] });
}

/** A name and an operator, and then the next condition or the end. */
const INCOMPLETE = /[^\s&|{}()=!<>~]+\s*(?:=~|!~|!=|<=|>=|=|<|>)\s*(?=\}|&&|\|\|)/g;

function tryParse(text: string): RootExpr | undefined {
  try {
    const root = parse(text);
    validate(root);
    return root;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

function isHintSet(root: RootExpr, name: string): boolean {
  return root.hints.some((hint) =>
    hint.name === name && hint.value.type === "bool" && hint.value.value
  );
}

/** Runs a parser; what it refuses is told after these words. */
export function inWords<T>(words: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.code, `${words}: ${error.message}`);
  }
}

export function checkSize(text: string, bytesMax: number): void {
  if (bytesMax === 0 || new TextEncoder().encode(text).length <= bytesMax) return;
  throw new InputError(
    "invalid_argument",
    `TraceQL expression exceeds the configured maximum size of ${bytesMax} bytes, reduce the ` +
      "query expression size or contact your system administrator",
  );
}
