// From the words after the program's name to a command, its arguments and flags.
// Flags are written as Go programs take them too: one dash or two, `-name value` or `-name=value`.
// A flag with a dot in its name is a key of the configuration (`-storage.trace.s3.region=…`).
// Rule: what is not understood is refused by name, with where to find help.

import { parseArgs } from "node:util";
import { InputError } from "../../lib/errors.ts";
import { flagKind } from "../config/mod.ts";
import type { ArgumentSpec, Command, FlagSpec } from "./command.ts";
import type { RawFlags } from "./flag_values.ts";

export interface Parsed {
  readonly command: Command;
  readonly args: readonly string[];
  readonly flags: RawFlags;
  /** For the configuration's own parser. */
  readonly configArgs: readonly string[];
}

/** The command that the words begin with, and the words after it. */
export function commandOf(
  commands: readonly Command[],
  words: readonly string[],
): { command: Command; rest: readonly string[] } | undefined {
  const best = commands
    .filter(({ name }) => name.split(" ").every((word, i) => words[i] === word))
    .sort((a, b) => b.name.length - a.name.length)[0];
  return best && { command: best, rest: words.slice(best.name.split(" ").length) };
}

export function parseCall(
  command: Command,
  words: readonly string[],
  common: readonly FlagSpec[],
): Parsed {
  const { ordinary, configArgs } = withoutConfigFlags(words);
  const specs = [...common, ...command.flags];
  const options = Object.fromEntries(specs.map(({ name, short, kind, isMany }) => [name, {
    type: kind === "switch" ? "boolean" as const : "string" as const,
    ...short === undefined ? {} : { short },
    ...isMany ? { multiple: true } : {},
  }]));
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: ordinary, options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node says more than one line where a value looks like a flag.
    const [reason] = (error instanceof Error ? error.message : String(error)).split(/[.\n]\s/);
    throw refused(command, reason!.replace(/\.$/, ""));
  }
  checkArguments(command, parsed.positionals);
  return { command, args: parsed.positionals, flags: parsed.values as RawFlags, configArgs };
}

function withoutConfigFlags(
  words: readonly string[],
): { ordinary: string[]; configArgs: string[] } {
  const ordinary: string[] = [];
  const configArgs: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") {
      ordinary.push(...words.slice(i));
      break;
    }
    const parts = /^--?([A-Za-z][^=]*)(=.*)?$/s.exec(word);
    if (parts === null) ordinary.push(word);
    else if (!parts[1]!.includes(".")) {
      // A single letter is a short flag; anything longer is a name, with one dash as with two.
      const isShort = parts[1]!.length === 1 && !word.startsWith("--");
      ordinary.push(isShort ? word : `--${parts[1]}${parts[2] ?? ""}`);
    } else {
      configArgs.push(word);
      const takesValue = flagKind(parts[1]!) === "text" && parts[2] === undefined;
      if (takesValue && i + 1 < words.length) configArgs.push(words[++i]!);
    }
  }
  return { ordinary, configArgs };
}

function checkArguments(command: Command, given: readonly string[]): void {
  const { args } = command;
  const needed = args.filter(({ isOptional }) => !isOptional);
  if (given.length < needed.length) {
    throw refused(command, `<${needed[given.length]!.name}> is missing`);
  }
  if (args.at(-1)?.isMany || given.length <= args.length) return;
  throw refused(command, `unexpected argument ${JSON.stringify(given[args.length])}`);
}

export function usageOf({ name, args }: Command): string {
  return [name, ...args.map(argumentText)].join(" ");
}

function argumentText({ name, isOptional, isMany }: ArgumentSpec): string {
  const text = isMany ? `<${name}>…` : `<${name}>`;
  return isOptional ? `[${text}]` : text;
}

function refused(command: Command, reason: string): InputError {
  return new InputError(
    "invalid_argument",
    `${reason}\nusage: ${usageOf(command)}\n       help ${command.name} says more`,
  );
}
