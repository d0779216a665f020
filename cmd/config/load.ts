// From the command line, the environment and a file to one checked configuration.
// Order: defaults, then the file, then flags. What is wrong is told with path, value and place.
import { InputError } from "../../lib/errors.ts";
import { at, ConfigDocument, explain, type Path } from "./document.ts";
import { expandEnv } from "./expand.ts";
import { type Flags, type FlagValue, parseFlags } from "./flags.ts";
import { type Config, ConfigSchema } from "./schema.ts";
import { moveLegacyKeys, placeOfLegacyKey } from "./legacy_keys.ts";
import { parseTargets, type Target } from "./targets.ts";
import { keyAt } from "./tree.ts";
import { warningsOf } from "./warnings.ts";

export interface LoadInput {
  /** Without the name of the program. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly readFile: (path: string) => string;
}

export interface Loaded {
  readonly config: Config;
  readonly targets: readonly Target[];
  readonly flags: Flags;
  readonly warnings: readonly string[];
}

/** Throws InputError with a line for each key that is wrong. */
export function loadConfig({ args, env, readFile }: LoadInput): Loaded {
  const flags = parseFlags(args);
  const document = openDocument(flags, env, readFile);
  const data = document.data;
  moveLegacyLimits(data);
  for (const value of flags.values) place(data, value);

  const parsed = ConfigSchema.safeParse(data);
  if (!parsed.success) {
    throw new InputError(
      "invalid_argument",
      explain(parsed.error, data, (path) => placeOf(path, document, flags)),
    );
  }
  const config = parsed.data;
  if (config.auth_enabled) config.multitenancy_enabled = true;
  const { targets, warnings } = parseTargets(config.target);
  config.target = targets.join(",");
  const ignored = flags.ignored.map((name) => `flag -${name} has no effect`);
  return { config, targets, flags, warnings: [...warnings, ...ignored, ...warningsOf(config)] };
}

function openDocument(
  flags: Flags,
  env: Readonly<Record<string, string>>,
  readFile: (path: string) => string,
): ConfigDocument {
  if (flags.configFile === "") return new ConfigDocument("default configuration", "");
  let text: string;
  try {
    text = readFile(flags.configFile);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      "invalid_argument",
      `cannot read -config.file ${flags.configFile}: ${reason}`,
      { cause },
    );
  }
  return new ConfigDocument(flags.configFile, flags.expandEnv ? expandEnv(text, env) : text);
}

/** Limits beside the keys of `overrides` are defaults, where that is allowed. */
function moveLegacyLimits({ overrides }: Record<string, unknown>): void {
  const section = overrides as Record<string, unknown> | undefined;
  if (section?.enable_legacy_overrides !== true) return;
  const flat = Object.entries(section).filter(([name]) => placeOfLegacyKey(name) !== undefined);
  for (const [name] of flat) delete section[name];
  const defaults = { ...section.defaults as object | undefined, ...Object.fromEntries(flat) };
  section.defaults = moveLegacyKeys(defaults, "overrides.defaults");
}

/** Sets a flag's value in the data of the file; what lies on the way is made. */
function place(data: Record<string, unknown>, { path, value }: FlagValue): void {
  let section = data;
  for (const name of path.slice(0, -1)) {
    const below = section[name];
    if (typeof below !== "object" || below === null) section[name] = {};
    section = section[name] as Record<string, unknown>;
  }
  section[path.at(-1)!] = typed(path, value);
}

/** Numbers are written as text on a command line. */
function typed(path: readonly string[], value: string | boolean): unknown {
  const key = keyAt(path);
  const isText = key?.type === "string" || key?.format === "duration" || typeof value === "boolean";
  return !isText && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

function placeOf(path: Path, document: ConfigDocument, flags: Flags): string {
  const name = path.join(".");
  const flag = flags.values.findLast((one) => one.path.join(".") === name);
  if (flag !== undefined) return `flag -${flag.name}`;
  return at(document.data, path) === undefined ? document.name : document.place(path);
}
