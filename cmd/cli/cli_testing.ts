// The command line in a world of its own: a store in memory, a clock that stands, output in strings.
import { SimulatedClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import { type CliWorld, runCli } from "./cli.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  json<T = any>(): T;
}

/** Two hours after the newest golden trace. */
export const NOW_MS = Date.parse("2026-01-01T16:00:00Z");

export async function cli(
  store: MemoryObjectStore,
  args: readonly string[],
  changes: Partial<CliWorld> = {},
): Promise<Ran> {
  let [out, err] = ["", ""];
  const decoder = new TextDecoder();
  const code = await runCli({
    runtime: createRuntime({ clock: new SimulatedClock(NOW_MS), random: seededRandom(1) }),
    args,
    env: {},
    cores: 1,
    signal: new AbortController().signal,
    stdout: (bytes) => out += decoder.decode(bytes),
    stderr: (text) => err += text,
    isErrorTerminal: false,
    readFile: (path) => {
      throw new Deno.errors.NotFound(path);
    },
    openStore: () => Promise.resolve(store),
    canShareStore: false,
    ask: undefined,
    ...changes,
  });
  return { code, out, err, json: () => JSON.parse(out) };
}

/** Of all blocks, compacted ones too, by id. */
export async function statesOf(store: MemoryObjectStore): Promise<Record<string, string>> {
  const { blocks } = (await cli(store, ["list", "blocks", "--all", "--json"])).json();
  return Object.fromEntries(blocks.map((block: any) => [block.blockId, block.state]));
}

export async function hasTrace(
  store: MemoryObjectStore,
  tenant: string,
  traceId: string,
): Promise<boolean> {
  return (await cli(store, ["query", "trace-summary", tenant, traceId])).code === 0;
}
