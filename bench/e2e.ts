// deno-lint-ignore-file no-console
// The whole server under load, end to end; prints a table and JSON.
//   deno task bench:e2e [--seconds 20] [--spans 1500000] [--only grpc300,http30,searchable,query]
//                       [--connections 4 | 16] [--seed 1] [--out result.json] [--keep] [--metrics]
//   deno task bench:table [--dir folder] [--times 50] [--matching rate] [--live-spans 500000]
// The second is the query table alone; a folder that it filled before and kept is asked as it is.
// The server and the load share the machine, and nothing else should run on it.
import { cpus } from "node:os";
import { parseArgs } from "node:util";

import { type BenchResult, tableOf } from "./report.ts";
import { benchIngest, type Protocol } from "./scenarios/ingest.ts";
import { benchQueries } from "./scenarios/query.ts";
import { benchQueryTable } from "./scenarios/query_table.ts";
import { benchSearchable } from "./scenarios/searchable.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "20" },
    spans: { type: "string", default: "1500000" },
    connections: { type: "string" },
    seed: { type: "string", default: "1" },
    times: { type: "string" },
    "live-spans": { type: "string", default: "500000" },
    matching: { type: "string", default: "" },
    only: { type: "string", default: "grpc300,http300,grpc30,http30,searchable,query" },
    out: { type: "string" },
    dir: { type: "string" },
    keep: { type: "boolean", default: false },
    metrics: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const secondsMax = Number(values.seconds);
const dir = values.dir ?? Deno.makeTempDirSync({ prefix: "segno-bench-" });
const result: BenchResult = {
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}`,
  commit: commit(),
  ingest: [],
  searchable: [],
  queries: [],
  table: [],
  failures: [],
};

try {
  for (const name of values.only.split(",")) {
    // One that fails must not take the figures of the others with it.
    await run(name).catch((error) => result.failures.push(`${name}: ${error}`));
  }
} finally {
  if (!values.keep) Deno.removeSync(dir, { recursive: true });
}
console.log(tableOf(result));
const json = JSON.stringify(result, null, 2);
if (values.out === undefined) console.log(json);
else Deno.writeTextFileSync(values.out, json + "\n");
if (result.failures.length > 0) Deno.exit(1);

async function run(name: string): Promise<void> {
  console.error(`running ${name}`);
  const ingest = /^(grpc|http)(\d+)$/.exec(name);
  if (ingest !== null) {
    const figures = await benchIngest(`${dir}/${name}`, {
      protocol: ingest[1] as Protocol,
      spansPerRequest: Number(ingest[2]),
      connections: Number(values.connections ?? connectionsFor(Number(ingest[2]))),
      secondsMax,
      spansMax: Infinity,
      seed,
      makesMetrics: values.metrics,
    });
    result.ingest.push(figures);
  } else if (name === "searchable") {
    result.searchable.push(await benchSearchable(`${dir}/${name}`, seed));
  } else if (name === "query") {
    const options = { spans: Number(values.spans), seed, times: Number(values.times ?? 200) };
    result.queries.push(...await benchQueries(`${dir}/${name}`, { ...options, secondsMax: 300 }));
  } else if (name === "table") {
    result.table.push(
      ...await benchQueryTable(`${dir}/${name}`, {
        spans: Number(values.spans),
        liveSpans: Number(values["live-spans"]),
        seed,
        times: Number(values.times ?? 50),
        matching: values.matching,
      }),
    );
  } else throw new Error(`--only: unknown scenario ${JSON.stringify(name)}`);
  if (!values.keep) Deno.removeSync(`${dir}/${name}`, { recursive: true });
}

/** One request at a time on each. Small requests come from many senders, large ones from collectors. */
function connectionsFor(spansPerRequest: number): number {
  return spansPerRequest < 100 ? 16 : 4;
}

function commit(): string {
  const { stdout } = new Deno.Command("git", {
    args: ["describe", "--always", "--dirty"],
    cwd: new URL("../", import.meta.url),
    stderr: "null",
  }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
