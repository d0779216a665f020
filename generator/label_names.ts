// Names of attributes as names of labels.

/** What span-metrics calls a span's own properties. */
export const INTRINSIC_LABELS = [
  "service",
  "span_name",
  "span_kind",
  "status_code",
  "status_message",
] as const;

/**
 * Only letters, digits and `_`, and no digit first, as every Prometheus takes them: one that refuses a name
 * refuses all that came with it. Empty if there is no name.
 */
export function labelName(attribute: string): string {
  const name = attribute.replace(/[^a-zA-Z0-9_]/g, "_");
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** As `labelName`, but out of the way of names that have a meaning of their own. */
export function ownLabelName(attribute: string, taken: readonly string[]): string {
  const name = labelName(attribute);
  return taken.includes(name) ? `__${name}` : name;
}
