// For how many spans a sampled one stands.
// Rules: an attribute holds the ratio p of spans that were kept, so one stands for 1/p; a W3C tracestate
// holds the threshold under which spans were thrown away (`ot=th:8` is a half), see OpenTelemetry's
// "TraceState: Probability Sampling". What makes no sense is 1: a wrong count is worse than an unsampled one.

import type { SpanColumns } from "../model/span_columns.ts";
import { attributeNumber } from "./attributes.ts";

/** Undefined if the attribute is not there or is no ratio. */
export function weightOfRatio(spans: SpanColumns, row: number, key: string): number | undefined {
  if (key === "") return undefined;
  const ratio = attributeNumber(spans, row, key);
  return ratio !== undefined && ratio > 0 && Number.isFinite(ratio) ? 1 / ratio : undefined;
}

const THRESHOLD_DIGITS_MAX = 14;

export function weightOfTraceState(traceState: string): number {
  for (const member of traceState.split(",")) {
    const [vendor, value] = splitAt(member.trim(), "=");
    if (vendor !== "ot") continue;
    for (const field of value.split(";")) {
      const [name, digits] = splitAt(field, ":");
      if (name !== "th") continue;
      if (!/^[0-9a-f]+$/.test(digits) || digits.length > THRESHOLD_DIGITS_MAX) return 1;
      // Digits that are left out are zero, so it is a fraction in base 16.
      return 1 / (1 - parseInt(digits, 16) / 16 ** digits.length);
    }
  }
  return 1;
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
