// A command of the command line: its words, what it takes, and what it does. The table of them
// (commands.ts) is what is parsed by and what the help is made of.

import type { ObjectStore } from "../../storage/mod.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Config } from "../config/mod.ts";
import type { FlagValues } from "./flag_values.ts";
import type { Output } from "./output.ts";
import type { Progress } from "./progress.ts";

export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly kind: "text" | "switch";
  /** May be given several times. */
  readonly isMany?: boolean;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly isOptional?: boolean;
  /** The last one may be. */
  readonly isMany?: boolean;
}

export interface Command {
  /** `list blocks` */
  readonly name: string;
  readonly summary: string;
  /** More of it, for its own help. */
  readonly details?: string;
  readonly args: readonly ArgumentSpec[];
  readonly flags: readonly FlagSpec[];
  /** Resolves to the exit code. */
  run(call: Call): Promise<number>;
}

/** What a command is given to work with. */
export interface Call {
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly args: readonly string[];
  readonly flags: FlagValues;
  readonly isJson: boolean;
  readonly config: Config;
  /** A file that the configuration names, as its text is. */
  readFile(path: string): string;
  readonly store: ObjectStore;
  /** Whether scan workers can open the store for themselves. */
  readonly canShareStore: boolean;
  /** Of this machine. */
  readonly cores: number;
  readonly output: Output;
  progress(label: string): Progress;
  /** A line on standard error. */
  warn(text: string): void;
  /** Whether whoever runs it agrees, by the flag `--yes` or when asked. */
  agrees(question: string): boolean;
}

/** Exit codes; 130 is what shells expect of a program that was interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export const TENANT: ArgumentSpec = { name: "tenant" };
export const TENANTS: ArgumentSpec = { name: "tenant", isOptional: true, isMany: true };
export const BLOCK: ArgumentSpec = { name: "block-id" };
