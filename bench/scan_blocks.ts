// deno-lint-ignore-file no-console
// The questions of the query table asked in this very process, of a folder that `bench:table --keep` has
// filled: processor time without sockets and threads, and what a profiler should look at.
//   deno run -A bench/scan_blocks.ts --blocks folder/table/blocks [--matching rate] [--times 20] [--profile]
// With --profile it also prints in which functions the time went.
import { Session } from "node:inspector";
import process from "node:process";
import { parseArgs } from "node:util";

import { createApi, defaultApiOptions } from "../api/mod.ts";
import { systemClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { createFrontend } from "../query/frontend/mod.ts";
import { BlockQuerier, ScanPool } from "../query/querier/mod.ts";
import { BlockList, openStore } from "../storage/mod.ts";
import { testDeps } from "../tests/support/test_api.ts";
import { percentile } from "./figures.ts";
import { table } from "./report.ts";
import { QUESTIONS, type TimeRange } from "./scenarios/query_questions.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    blocks: { type: "string" },
    matching: { type: "string", default: "" },
    times: { type: "string", default: "20" },
    profile: { type: "boolean", default: false },
    cache: { type: "string", default: "210000000" },
  },
});
const runtime = createRuntime();
const store = await openStore(
  { backend: "local", local: { path: `${values.blocks}/data/blocks` } },
  runtime,
);
const list = new BlockList(runtime, store, { readsMax: 8 });
await list.poll();
const pool = new ScanPool(runtime, store, {
  workers: 0,
  cacheBytesMax: Number(values.cache),
  scansMax: 2,
  findsMax: 4,
});
const frontend = createFrontend(runtime, {
  live: { query: () => Promise.resolve([]), findTrace: () => Promise.resolve([]) },
  blocks: new BlockQuerier(runtime, list, pool.scanners),
});
const api = createApi(runtime, { ...testDeps(), frontend }, defaultApiOptions);
const { range } = JSON.parse(Deno.readTextFileSync(`${values.blocks}/filled.json`)) as {
  range: TimeRange;
};
const rows: string[][] = [];
for (const question of QUESTIONS.filter(({ name }) => name.includes(values.matching))) {
  const ask = async () => {
    const startMs = systemClock.monotonic();
    const response = await api.fetch(new Request(`http://x${question.path(range)}`));
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return systemClock.monotonic() - startMs;
  };
  const cold = await ask();
  for (let i = 0; i < 5; i++) await ask();
  const profiled = values.profile ? startProfile() : undefined;
  const before = process.cpuUsage();
  const samples: number[] = [];
  for (let i = 0; i < Number(values.times); i++) samples.push(await ask());
  const { user, system } = process.cpuUsage(before);
  await profiled?.();
  rows.push([
    question.name,
    String(question.wanted),
    cold.toFixed(0),
    percentile(samples, 0).toFixed(1),
    percentile(samples, 0.5).toFixed(1),
    ((user + system) / 1000 / samples.length).toFixed(1),
    `${((await pool.cacheUse()).sizeBytes / 1e6).toFixed(0)}`,
  ]);
}
console.log(table(["question", "wanted", "cold", "least", "p50", "CPU ms", "cache MB"], rows));
Deno.exit();

/** Returns what ends and prints it. */
function startProfile(): () => Promise<void> {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: 200 });
  session.post("Profiler.start");
  return async () => {
    const { profile } = await new Promise<{ profile: Profile }>((resolve, reject) =>
      session.post("Profiler.stop", (error, told) => error ? reject(error) : resolve(told as never))
    );
    const ms = new Map<string, number>();
    const byId = new Map(profile.nodes.map((node) => [node.id, node]));
    profile.samples.forEach((id, i) => {
      const { functionName, url, lineNumber } = byId.get(id)!.callFrame;
      const name = `${functionName} ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
      ms.set(name, (ms.get(name) ?? 0) + profile.timeDeltas[i]! / 1_000);
    });
    const most = [...ms].sort(([, a], [, b]) => b - a).slice(0, 25);
    for (const [name, time] of most) console.log(`${time.toFixed(1).padStart(9)} ms ${name}`);
  };
}

interface Profile {
  readonly samples: number[];
  readonly timeDeltas: number[];
  readonly nodes: {
    readonly id: number;
    readonly callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
}
