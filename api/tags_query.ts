// The search form of old, `tags` with `minDuration` and `maxDuration`, as TraceQL.
// Rule: every condition must hold somewhere in the trace, not in one span; well-known keys match any
// part of their value, all others the whole of it.

/** Nanoseconds; 0: no bound. */
export function tagsQuery(
  tags: ReadonlyMap<string, string>,
  minNano: number,
  maxNano: number,
): string {
  const duration = [
    ...(minNano === 0 ? [] : [`traceDuration >= ${minNano}ns`]),
    ...(maxNano === 0 ? [] : [`traceDuration <= ${maxNano}ns`]),
  ];
  const conditions = [...tags].map(([key, value]) => condition(key, value));
  if (conditions.length === 0) {
    return duration.length === 0 ? "{}" : `{ ${duration.join(" && ")} }`;
  }
  return conditions.map((one) => `{ ${[one, ...duration].join(" && ")} }`).join(" && ");
}

const CONTAINS: Readonly<Record<string, string>> = {
  "service.name": "resource.service.name",
  "name": "name",
  "root.service.name": "rootServiceName",
  "root.name": "rootName",
};

function condition(key: string, value: string): string {
  if (Object.hasOwn(CONTAINS, key)) {
    return `${CONTAINS[key]} =~ ${quote(`(?s).*${escapeRegex(value)}.*`)}`;
  }
  if (key === "status.code" && /^(unset|ok|error)$/.test(value)) return `status = ${value}`;
  if (key === "http.status_code" && /^-?[0-9]{1,9}$/.test(value)) {
    return `.http.status_code = ${value}`;
  }
  return `${attributeName(key)} = ${quote(value)}`;
}

/** An attribute of span or resource by its bare name. */
export function attributeName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_.\-]*$/.test(name) ? `.${name}` : `.${quote(name)}`;
}

export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
