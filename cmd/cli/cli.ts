// The command line as a function of its world: words in, exit code out. main.ts gives it the real one,
// tests give it another.
// Rules: output is one text or one JSON document on standard output, everything else goes to standard
// error; an interrupt is told to the command, which ends as it can.

import { InputError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { CorruptionError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { ObjectStore, StoreConfig } from "../../storage/mod.ts";
import { storeConfig } from "../store_config.ts";
import { type Command, EXIT, type FlagSpec } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { FlagValues } from "./flag_values.ts";
import { helpOf, helpOfCommand } from "./help.ts";
import { Output, OutputClosed, type WriteBytes } from "./output.ts";
import { commandOf, parseCall } from "./parse.ts";
import { Progress } from "./progress.ts";
import { configOf, STORE_FLAGS } from "./store_flags.ts";

export interface CliWorld {
  readonly runtime: Runtime;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cores: number;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  readonly stdout: WriteBytes;
  stderr(text: string): void;
  readonly isErrorTerminal: boolean;
  readFile(path: string): string;
  openStore(config: StoreConfig, runtime: Runtime): Promise<ObjectStore>;
  /** Whether the store that is opened is the one that the configuration names. */
  readonly canShareStore: boolean;
  /** Undefined where nobody can be asked. */
  readonly ask: ((question: string) => boolean) | undefined;
}

const COMMON: readonly FlagSpec[] = [
  ...STORE_FLAGS,
  { name: "json", kind: "switch", help: "one JSON document instead of text" },
  { name: "help", short: "h", kind: "switch", help: "this text" },
];

export async function runCli(world: CliWorld): Promise<number> {
  const output = new Output(world.stdout);
  try {
    return await run(world, output);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.done;
    if (world.signal.aborted) {
      world.stderr("segno: interrupted\n");
      return EXIT.interrupted;
    }
    world.stderr(`segno: ${textOf(error)}\n`);
    return error instanceof InputError ? EXIT.usage : EXIT.failed;
  }
}

async function run(world: CliWorld, output: Output): Promise<number> {
  const { args, runtime } = world;
  if (args.length === 0) {
    world.stderr(helpOf(COMMANDS, COMMON));
    return EXIT.usage;
  }
  if (/^(help|--?help|-h)$/.test(args[0]!)) return help(args.slice(1), output);
  const found = commandOf(COMMANDS, args);
  if (found === undefined) throw unknown(args);
  const { command, rest } = found;
  if (rest.some((word) => /^(-h|--?help)$/.test(word))) return help([command.name], output);
  const parsed = parseCall(command, rest, COMMON);
  const flags = new FlagValues(parsed.flags, runtime.clock.now());
  const config = configOf(flags, parsed.configArgs, world);
  const store = await world.openStore(storeConfig(config), runtime);
  const screen = { isTerminal: world.isErrorTerminal, write: (text: string) => world.stderr(text) };
  return await command.run({
    runtime,
    signal: world.signal,
    args: parsed.args,
    flags,
    isJson: flags.has("json"),
    config,
    readFile: (path) => world.readFile(path),
    store,
    canShareStore: world.canShareStore,
    cores: world.cores,
    output,
    progress: (label) => new Progress(label, screen, runtime.clock),
    warn: (text) => world.stderr(`segno: ${text}\n`),
    agrees: (question) => {
      if (flags.has("yes")) return true;
      if (world.ask !== undefined) return world.ask(question);
      throw new InputError("failed_precondition", `${question}: say so with --yes`);
    },
  });
}

function help(words: readonly string[], output: Output): number {
  if (words.length === 0) {
    output.text(helpOf(COMMANDS, COMMON));
    return EXIT.done;
  }
  const command = commandOf(COMMANDS, words.flatMap((word) => word.split(" ")))?.command;
  if (command !== undefined) {
    output.text(helpOfCommand(command, COMMON));
    return EXIT.done;
  }
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${words.join(" ")} `));
  if (group.length === 0) throw unknown(words);
  output.text(helpOf(group, COMMON));
  return EXIT.done;
}

function unknown(words: readonly string[]): InputError {
  const named = words.filter((word) => !word.startsWith("-")).slice(0, 2).join(" ");
  const similar = COMMANDS.filter((command: Command) => command.name.startsWith(words[0]!))
    .map(({ name }) => name);
  const hint = similar.length === 0 ? "help lists them" : `there is ${similar.join(", ")}`;
  return new InputError("invalid_argument", `no command ${JSON.stringify(named)}; ${hint}`);
}

/** What somebody can mend is told in a line; anything else with its stack. */
function textOf(error: unknown): string {
  const isTold = error instanceof InputError || error instanceof UnavailableError ||
    error instanceof NotFoundError || error instanceof CorruptionError;
  if (isTold) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
