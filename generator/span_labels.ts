// The labels that span-metrics gives to a span: its own properties, the dimensions asked for, and who it
// comes from.
// Rules: a dimension is looked for in the resource, then in the span; one with the name of a span's own
// property steps aside (`__service`); a mapping joins those of its attributes that are there; a label
// without a value is none.

import type { SpanColumns } from "../model/span_columns.ts";
import { ABSENT } from "../model/string_table.ts";
import { attributeText } from "./attributes.ts";
import { kindName, statusName } from "./enum_names.ts";
import { INTRINSIC_LABELS, ownLabelName } from "./label_names.ts";
import type { Label } from "./series.ts";
import type { SpanMetricsSettings } from "./settings.ts";
import type { SpanNames } from "./span_names.ts";
import { instanceOf, jobOf } from "./target_info.ts";
import { isValidText } from "./valid_text.ts";

export interface OwnLabels {
  readonly own: Label[];
  /** As they are, or would be, with the name sanitized. */
  readonly sanitized: Label[];
  readonly isNameChanged: boolean;
}

export class SpanLabels {
  readonly #dimensions: readonly (readonly [label: string, attribute: string])[];
  readonly #mappings:
    readonly (readonly [label: string, mapping: SpanMetricsSettings["mappings"][number]])[];

  constructor(
    readonly settings: SpanMetricsSettings,
    readonly names: SpanNames,
    readonly spanNames: "disabled" | "dry_run" | "enabled",
  ) {
    const identity = settings.hasTargetInfo ? ["job", "instance"] : [];
    const taken = [...INTRINSIC_LABELS, ...identity];
    const named = settings.mappings.filter(({ name }) => name !== "");
    this.#dimensions = settings.dimensions.filter((name) => name !== "")
      .map((name) => [ownLabelName(name, taken), name]);
    this.#mappings = named.map((mapping) => [ownLabelName(mapping.name, taken), mapping]);
  }

  /** Undefined if one of them is not UTF-8. */
  of(spans: SpanColumns, row: number): OwnLabels | undefined {
    const { strings } = spans;
    const name = strings.text(spans.name[row]!);
    const others = new Map<string, string>();
    const put = (label: string, value: string) => {
      if (!others.has(label)) others.set(label, value);
    };
    const { intrinsics } = this.settings;
    const resource = spans.resource[row]!;
    if (intrinsics.service) put("service", strings.text(spans.resources.serviceName[resource]!));
    if (intrinsics.span_kind) put("span_kind", kindName(spans.kind[row]!));
    if (intrinsics.status_code) put("status_code", statusName(spans.statusCode[row]!));
    if (intrinsics.status_message) {
      const code = spans.statusMessage[row]!;
      put("status_message", code === ABSENT ? "" : strings.text(code));
    }
    if (this.settings.hasTargetInfo) {
      put("job", jobOf(spans, resource));
      if (this.settings.hasInstanceLabel) put("instance", instanceOf(spans, resource));
    }
    for (const [label, attribute] of this.#dimensions) {
      put(label, attributeText(spans, row, attribute));
    }
    for (const [label, { attributes, join }] of this.#mappings) {
      const values = attributes.map((attribute) => attributeText(spans, row, attribute));
      put(label, values.filter((value) => value !== "").join(join));
    }
    const labels: Label[] = [...others];
    const hasName = intrinsics.span_name;
    const isValid = labels.every(([, value]) => isValidText(strings, value)) &&
      (!hasName || isValidText(strings, name));
    return isValid ? this.#named(labels, name) : undefined;
  }

  #named(labels: Label[], name: string): OwnLabels {
    const withName = (value: string): Label[] => [...labels, ["span_name", value]];
    if (!this.settings.intrinsics.span_name) {
      return { own: labels, sanitized: labels, isNameChanged: false };
    }
    const own = withName(name);
    if (this.spanNames === "disabled") return { own, sanitized: own, isNameChanged: false };
    const sanitizedName = this.names.sanitized(name);
    if (sanitizedName === name) return { own, sanitized: own, isNameChanged: false };
    const sanitized = withName(sanitizedName);
    const isOn = this.spanNames === "enabled";
    return { own: isOn ? sanitized : own, sanitized, isNameChanged: true };
  }
}
