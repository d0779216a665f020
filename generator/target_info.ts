// Who spans come from, as Prometheus names targets: `job` and `instance`, and one series that has all else
// that is known of the resource, to be joined with.
// Rules: a resource without a job and an instance, or about which nothing else is known, has no such
// series; attributes with the name of a label that means something step aside.

import type { SpanColumns } from "../model/span_columns.ts";
import { resourceAttributes, resourceText } from "./attributes.ts";
import { INTRINSIC_LABELS, ownLabelName } from "./label_names.ts";
import type { Label } from "./series.ts";
import type { SpanMetricsSettings } from "./settings.ts";
import { isValidText } from "./valid_text.ts";

const IDENTITY = ["service.name", "service.namespace", "service.instance.id"];
const TAKEN = [...INTRINSIC_LABELS, "job", "instance"];

/** Empty without a name of the service. */
export function jobOf(spans: SpanColumns, resource: number): string {
  const service = spans.strings.text(spans.resources.serviceName[resource]!);
  const namespace = resourceText(spans, resource, "service.namespace") ?? "";
  return service === "" || namespace === "" ? service : `${namespace}/${service}`;
}

export function instanceOf(spans: SpanColumns, resource: number): string {
  return resourceText(spans, resource, "service.instance.id") ?? "";
}

export function targetLabels(
  spans: SpanColumns,
  resource: number,
  { targetInfoExcluded, hasInstanceLabel }: SpanMetricsSettings,
): Label[] | undefined {
  const job = jobOf(spans, resource);
  const instance = hasInstanceLabel ? instanceOf(spans, resource) : "";
  if (job === "" && instance === "") return undefined;
  const labels = new Map<string, string>();
  for (const [key, text] of resourceAttributes(spans, resource)) {
    if (key === "" || text === "") continue;
    if (IDENTITY.includes(key) || targetInfoExcluded.includes(key)) continue;
    const name = ownLabelName(key, TAKEN);
    if (!labels.has(name)) labels.set(name, text);
  }
  if (labels.size === 0) return undefined;
  const all: Label[] = [["job", job], ["instance", instance], ...labels];
  return all.every(([, value]) => isValidText(spans.strings, value)) ? all : undefined;
}
