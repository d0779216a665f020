// What an endpoint makes of the labels of series before they are sent, as Prometheus' relabelling has it.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
// Rule: expressions are RE2, matched against the whole; what cannot be is refused when it is configured.
import { createHash } from "node:crypto";

import { RE2JS } from "re2js";

import { InputError } from "../../lib/errors.ts";
import type { Label } from "../series.ts";

export type RelabelAction =
  | "replace"
  | "keep"
  | "drop"
  | "keepequal"
  | "dropequal"
  | "hashmod"
  | "labelmap"
  | "labeldrop"
  | "labelkeep"
  | "lowercase"
  | "uppercase";

export interface RelabelRule {
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: string;
  readonly modulus: number;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly action: RelabelAction;
}

type Labels = Map<string, string>;
/** False: the series is not sent. */
type Step = (labels: Labels) => boolean;

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A replacement may stand in a name. */
const TARGET = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+(?:[a-zA-Z0-9_]|\$(?:\{\w+\}|\w+))*$/;

export class Relabelling {
  readonly #steps: readonly Step[];
  readonly #known = new WeakMap<readonly Label[], readonly Label[] | null>();

  /** Throws InputError for a rule that makes no sense. */
  constructor(rules: readonly RelabelRule[]) {
    this.#steps = rules.map(stepOf);
  }

  /** Undefined: the series is not sent. */
  apply(labels: readonly Label[]): readonly Label[] | undefined {
    if (this.#steps.length === 0) return labels;
    let result = this.#known.get(labels);
    if (result === undefined) {
      result = this.#made(labels);
      this.#known.set(labels, result);
    }
    return result ?? undefined;
  }

  #made(labels: readonly Label[]): readonly Label[] | null {
    const made: Labels = new Map(labels);
    for (const step of this.#steps) if (!step(made)) return null;
    return [...made].filter(([, value]) => value !== "")
      .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  }
}

function stepOf(rule: RelabelRule): Step {
  const { action, targetLabel, sourceLabels, separator, modulus, replacement } = rule;
  const regex = regexOf(rule);
  const source = (labels: Labels) =>
    sourceLabels.map((name) => labels.get(name) ?? "").join(separator);
  const set = (labels: Labels, value: string) => labels.set(targetLabel, value) !== undefined;
  switch (action) {
    case "replace":
      wantTarget(rule, TARGET);
      return (labels) => replace(labels, regex, source(labels), targetLabel, replacement);
    case "keep":
      return (labels) => regex.matches(source(labels));
    case "drop":
      return (labels) => !regex.matches(source(labels));
    case "keepequal":
      wantTarget(rule, LABEL_NAME);
      return (labels) => source(labels) === (labels.get(targetLabel) ?? "");
    case "dropequal":
      wantTarget(rule, LABEL_NAME);
      return (labels) => source(labels) !== (labels.get(targetLabel) ?? "");
    case "hashmod":
      wantTarget(rule, LABEL_NAME);
      if (modulus === 0) refuse(rule, "modulus is needed");
      return (labels) => set(labels, String(hashOf(source(labels)) % BigInt(modulus)));
    case "lowercase":
      wantTarget(rule, LABEL_NAME);
      return (labels) => set(labels, source(labels).toLowerCase());
    case "uppercase":
      wantTarget(rule, LABEL_NAME);
      return (labels) => set(labels, source(labels).toUpperCase());
    case "labelmap":
      return (labels) => {
        for (const [name, value] of [...labels]) {
          const to = expanded(regex, name, replacement);
          if (to !== undefined) labels.set(to, value);
        }
        return true;
      };
    case "labeldrop":
      return (labels) => removeWhere(labels, (name) => regex.matches(name));
    case "labelkeep":
      return (labels) => removeWhere(labels, (name) => !regex.matches(name));
  }
}

function replace(
  labels: Labels,
  regex: RE2JS,
  source: string,
  target: string,
  replacement: string,
): boolean {
  const name = expanded(regex, source, target);
  if (name === undefined || !LABEL_NAME.test(name)) return true;
  const value = expanded(regex, source, replacement)!;
  if (value === "") labels.delete(name);
  else labels.set(name, value);
  return true;
}

function removeWhere(labels: Labels, isMeant: (name: string) => boolean): true {
  for (const name of [...labels.keys()]) if (isMeant(name)) labels.delete(name);
  return true;
}

/** `$1`, `${1}` and `${name}` in a text, by what the expression finds; undefined where it does not match. */
function expanded(regex: RE2JS, source: string, text: string): string | undefined {
  const matcher = regex.matcher(source);
  if (!matcher.matches()) return undefined;
  const names = regex.namedGroups();
  return text.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (all, braced?: string, bare?: string) => {
    if (all === "$$") return "$";
    const group = braced ?? bare!;
    const number = /^\d+$/.test(group) ? Number(group) : names[group];
    return number === undefined || number > matcher.groupCount() ? "" : matcher.group(number) ?? "";
  });
}

function regexOf(rule: RelabelRule): RE2JS {
  try {
    return RE2JS.compile(`^(?s:${rule.regex})$`);
  } catch (error) {
    refuse(
      rule,
      `regex ${JSON.stringify(rule.regex)}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function wantTarget(rule: RelabelRule, what: RegExp): void {
  if (!what.test(rule.targetLabel)) {
    refuse(rule, `target_label ${JSON.stringify(rule.targetLabel)} is not a label's name`);
  }
}

/** The last eight bytes of the MD5. */
function hashOf(text: string): bigint {
  return createHash("md5").update(text).digest().readBigUInt64BE(8);
}

function refuse({ action }: RelabelRule, reason: string): never {
  throw new InputError("invalid_argument", `relabelling by ${action}: ${reason}`);
}
