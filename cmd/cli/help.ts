// Help, made of the table of commands: what there is, or one of them in full.

import type { Command, FlagSpec } from "./command.ts";
import { usageOf } from "./parse.ts";

export function helpOf(commands: readonly Command[], common: readonly FlagSpec[]): string {
  const width = Math.max(...commands.map((command) => usageOf(command).length));
  return [
    "Looks into blocks, checks them, asks them, and rewrites them, straight on a bucket.",
    "",
    "usage: deno task cli <command> [flags]",
    "",
    ...commands.map((command) => `  ${usageOf(command).padEnd(width)}  ${command.summary}`),
    "",
    "flags of every command:",
    ...flagLines(common),
    "",
    "Any key of the configuration is a flag too, as -storage.trace.s3.region=eu-west-1.",
    "Exit codes: 0 done, 1 failed or found something wrong, 2 the command line makes no sense.",
    "help <command> says more of one.",
    "",
  ].join("\n");
}

export function helpOfCommand(command: Command, common: readonly FlagSpec[]): string {
  return [
    `usage: deno task cli ${usageOf(command)} [flags]`,
    "",
    command.summary[0]!.toUpperCase() + command.summary.slice(1) + ".",
    ...command.details === undefined ? [] : ["", command.details],
    ...command.flags.length === 0 ? [] : ["", "flags:", ...flagLines(command.flags)],
    "",
    "flags of every command:",
    ...flagLines(common),
    "",
  ].join("\n");
}

function flagLines(flags: readonly FlagSpec[]): string[] {
  const texts = flags.map(({ name, short, value }) =>
    `${short === undefined ? "" : `-${short}, `}--${name}${
      value === undefined ? "" : ` <${value}>`
    }`
  );
  const width = Math.max(...texts.map(({ length }) => length));
  return flags.map(({ help }, i) => `  ${texts[i]!.padEnd(width)}  ${help}`);
}
