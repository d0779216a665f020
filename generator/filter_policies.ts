// Which spans a processor looks at.
// Rules: a span passes if it passes every policy; a policy's `include` wants all of its matches,
// `includeAny` one, and `exclude` turns away who has all of its. A regular expression is RE2's, because
// tenants may write them, and matches anywhere in the value unless it is anchored.

import { RE2JS } from "re2js";

import { InputError } from "../lib/errors.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { resourceText, spanText } from "./attributes.ts";
import { kindName, statusName } from "./enum_names.ts";
import type { AttributeMatch, FilterPolicy } from "./settings.ts";

export type SpanFilter = (spans: SpanColumns, row: number) => boolean;

/** Throws InputError for what is no regular expression and for a key that means nothing. */
export function spanFilter(policies: readonly FilterPolicy[]): SpanFilter {
  const filters = policies.map(policyFilter);
  return (spans, row) => filters.every((passes) => passes(spans, row));
}

/** Attributes of spans that decide about passing. */
export function attributeNames(policies: readonly FilterPolicy[]): string[] {
  return policies.flatMap(({ include, includeAny, exclude }) =>
    [include, includeAny, exclude].flatMap((matches) => matches ?? [])
  ).filter(({ key }) => key.startsWith("span.")).map(({ key }) => key.slice("span.".length));
}

function policyFilter({ include, includeAny, exclude }: FilterPolicy): SpanFilter {
  const all = include?.map(matchFilter);
  const any = includeAny?.map(matchFilter);
  const none = exclude?.map(matchFilter);
  return (spans, row) =>
    (all === undefined || all.every((matches) => matches(spans, row))) &&
    (any === undefined || any.some((matches) => matches(spans, row))) &&
    (none === undefined || !none.every((matches) => matches(spans, row)));
}

function matchFilter({ key, value, isRegex }: AttributeMatch): SpanFilter {
  const textOf = textReader(key);
  const matches = isRegex ? regexTest(value) : (text: string) => text === value;
  return (spans, row) => {
    const text = textOf(spans, row);
    return text !== undefined && matches(text);
  };
}

function textReader(key: string): (spans: SpanColumns, row: number) => string | undefined {
  if (key === "kind") return (spans, row) => kindName(spans.kind[row]!);
  if (key === "status") return (spans, row) => statusName(spans.statusCode[row]!);
  if (key === "name") return (spans, row) => spans.strings.text(spans.name[row]!);
  const [scope, name] = [key.slice(0, key.indexOf(".")), key.slice(key.indexOf(".") + 1)];
  if (scope === "span") return (spans, row) => spanText(spans, row, name);
  if (scope === "resource") return (spans, row) => resourceText(spans, spans.resource[row]!, name);
  throw new InputError(
    "invalid_argument",
    `filter policy: ${key} is none of resource.<name>, span.<name>, kind, status and name`,
  );
}

function regexTest(pattern: string): (text: string) => boolean {
  try {
    const regex = RE2JS.compile(pattern);
    return (text) => regex.matcher(text).find();
  } catch (cause) {
    throw new InputError("invalid_argument", `filter policy: invalid regex: ${pattern}`, { cause });
  }
}
