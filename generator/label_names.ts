// Names of attributes as names of labels.

/** What span-metrics calls a span's own properties. */
export const INTRINSIC_LABELS = [
  "service",
  "span_name",
  "span_kind",
  "status_code",
  "status_message",
] as const;

/** Only letters, digits and `_`, as Prometheus has them. */
export function labelName(attribute: string): string {
  return attribute.replace(/[^a-zA-Z0-9_]/g, "_");
}

/** As `labelName`, but out of the way of names that have a meaning of their own. */
export function ownLabelName(attribute: string, taken: readonly string[]): string {
  const name = labelName(attribute);
  return taken.includes(name) ? `__${name}` : name;
}
