// Command-line flags in Go's form: `-name value`, `-name=value`, one dash or two.
// A few have names of their own; every other key that holds a single value has the flag of its path,
// `live_store.max_trace_idle` being `-live-store.max-trace-idle`.
import { InputError } from "../../lib/errors.ts";
import { type Key, keyAt } from "./tree.ts";

export interface Flags {
  readonly configFile: string;
  readonly expandEnv: boolean;
  /** Check the file, print warnings, and stop. */
  readonly verify: boolean;
  readonly version: boolean;
  /** Ask a running process whether it is ready, and stop. */
  readonly health: boolean;
  readonly healthUrl: string;
  /** Values for keys of the configuration, which win over the file. */
  readonly values: readonly FlagValue[];
  /** Flags that are known and do nothing here. */
  readonly ignored: readonly string[];
}

export interface FlagValue {
  readonly name: string;
  readonly path: readonly string[];
  readonly value: string | boolean;
}

const OWN = {
  "config.file": "text",
  "config.expand-env": "switch",
  "config.verify": "switch",
  "version": "switch",
  "health": "switch",
  "health.url": "text",
} as const;

const RENAMED: Readonly<Record<string, readonly string[]>> = {
  "log.level": ["server", "log_level"],
  "log.format": ["server", "log_format"],
  "multitenancy.enabled": ["multitenancy_enabled"],
  "auth.enabled": ["auth_enabled"],
};

/** They tune the peer's runtime. The value says whether one follows the name. */
const IGNORED: Readonly<Record<string, "text" | "switch">> = {
  "enable-go-runtime-metrics": "switch",
  "mutex-profile-fraction": "text",
  "block-profile-threshold": "text",
  "mem-ballast-size-mbs": "text",
};

export function parseFlags(args: readonly string[]): Flags {
  const own: Record<string, string | boolean> = {};
  const values: FlagValue[] = [];
  const ignored: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const parts = /^--?([A-Za-z][^=]*)(?:=(.*))?$/s.exec(arg);
    if (parts === null) throw refused(`unexpected argument ${JSON.stringify(arg)}`);
    const name = parts[1]!;
    const path = RENAMED[name] ?? pathOf(name);
    const kind = flagKind(name);
    if (kind === undefined) throw refused(`unknown flag -${name}`);
    let value: string | boolean | undefined = parts[2];
    if (kind === "switch") value = switchValue(name, value);
    else if (value === undefined) value = args[++i];
    if (value === undefined) throw refused(`flag -${name} needs a value`);
    if (name in OWN) own[name] = value;
    else if (name in IGNORED) ignored.push(name);
    else values.push({ name, path, value });
  }
  return {
    configFile: String(own["config.file"] ?? ""),
    expandEnv: own["config.expand-env"] === true,
    verify: own["config.verify"] === true,
    version: own["version"] === true,
    health: own["health"] === true,
    healthUrl: String(own["health.url"] ?? "http://localhost:3200/ready"),
    values,
    ignored,
  };
}

/** Whether a value follows the name; undefined if there is no such flag. */
export function flagKind(name: string): "text" | "switch" | undefined {
  return OWN[name as keyof typeof OWN] ?? IGNORED[name] ??
    kindOf(keyAt(RENAMED[name] ?? pathOf(name)));
}

const pathOf = (name: string) => name.split(".").map((part) => part.replaceAll("-", "_"));

/** Sections, lists and maps have no flag. */
function kindOf(key: Key | undefined): "text" | "switch" | undefined {
  if (key === undefined || key.type === "object" || key.type === "array") return undefined;
  return key.type === "boolean" ? "switch" : "text";
}

/** A switch takes a value only after `=`, as in Go. */
function switchValue(name: string, value: string | undefined): boolean {
  if (value === undefined || /^(true|1|t)$/i.test(value)) return true;
  if (/^(false|0|f)$/i.test(value)) return false;
  throw refused(`flag -${name}: expected true or false, not ${JSON.stringify(value)}`);
}

const refused = (message: string) => new InputError("invalid_argument", message);
