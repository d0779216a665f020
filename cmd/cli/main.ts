// The command line, in the real world. The first interrupt is told to the command, the second ends the
// process: what it was writing is then as invisible as after a crash.

import { InputError } from "../../lib/errors.ts";
import { configureLogSinks } from "../../lib/log_sinks.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { openStore } from "../../storage/mod.ts";
import { runCli } from "./cli.ts";
import { EXIT } from "./command.ts";
import { writerOf } from "./output.ts";

const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];

async function main(): Promise<number> {
  await configureLogSinks({ level: "warn", format: "logfmt" });
  const stop = new AbortController();
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (stop.signal.aborted) Deno.exit(EXIT.interrupted);
      stop.abort(new Error("interrupted"));
    });
  }
  const writeError = writerOf(Deno.stderr);
  return await runCli({
    runtime: createRuntime(),
    args: Deno.args,
    env: Deno.env.toObject(),
    cores: navigator.hardwareConcurrency,
    signal: stop.signal,
    stdout: writerOf(Deno.stdout),
    stderr: (text) => writeError(new TextEncoder().encode(text)),
    isErrorTerminal: Deno.stderr.isTerminal(),
    readFile: (path) => Deno.readTextFileSync(path),
    openStore: async (config, runtime) => {
      if (config.backend === "local") mustBeFolder(config.local.path);
      return await openStore(config, runtime);
    },
    canShareStore: true,
    ask: Deno.stdin.isTerminal() ? (question) => confirm(`${question}?`) : undefined,
  });
}

/** A process makes the folder of its blocks; whoever looks into it means one that is there. */
function mustBeFolder(path: string): void {
  try {
    if (Deno.statSync(path).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new InputError("failed_precondition", `no folder ${path}, where the blocks should be`);
}

Deno.exit(await main());
