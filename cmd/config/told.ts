// A configuration told again as YAML: for `/status/config` and its difference from the defaults.
// Rule: secrets are never told, and durations are written as a user would.
import { stringify } from "yaml";

import { type Config, defaultConfig } from "./schema.ts";
import type { LimitValues } from "./sections/overrides.ts";
import { type Key, keyAt, keyTree } from "./tree.ts";
import { formatDuration } from "./units.ts";

export function tellConfig(config: Config): string {
  return yaml(tellValue(config, keyTree, ""));
}

/** Only what is not as in the defaults; `{}` if nothing is. */
export function tellChanges(config: Config): string {
  const now = tellValue(config, keyTree, "");
  return yaml(changes(tellValue(defaultConfig(), keyTree, ""), now) ?? {});
}

/** A tenant's limits, whole or as they were written. */
export function tellLimits(limits: unknown): unknown {
  return tellValue(limits, LIMITS_KEY, "");
}

/** Of the default limits, only what is not as in the program's own defaults. */
export function tellChangedLimits(limits: LimitValues): unknown {
  return changes(tellLimits(defaultConfig().overrides.defaults), tellLimits(limits)) ?? {};
}

const LIMITS_KEY = keyAt(["overrides", "defaults"]);

export const yaml = (value: unknown) => stringify(value, { lineWidth: 100 });

/** Below keys that another program's library checks, names alone tell what is secret. */
const SECRET_NAME = /password|secret|token|credentials|authorization|api[-_]?key|account_key/i;

function tellValue(value: unknown, key: Key | undefined, name: string): unknown {
  if (key?.format === "duration" && typeof value === "number") return formatDuration(value);
  if (key?.format === "secret" || key === undefined && SECRET_NAME.test(name)) {
    return value === "" || value === undefined ? "" : "<secret>";
  }
  if (Array.isArray(value)) return value.map((one) => tellValue(one, key?.items, name));
  if (typeof value !== "object" || value === null) return value;
  const told: Record<string, unknown> = {};
  for (const [below, one] of Object.entries(value)) {
    if (one !== undefined) told[below] = tellValue(one, key?.properties?.[below], below);
  }
  return told;
}

function changes(before: unknown, now: unknown): unknown {
  if (JSON.stringify(before) === JSON.stringify(now)) return undefined;
  if (!isSection(before) || !isSection(now)) return now;
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(now)) {
    const change = changes(before[name], value);
    if (change !== undefined) changed[name] = change;
  }
  return changed;
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
