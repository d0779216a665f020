// The questions of the query table asked in this very process, of a folder that `bench:table --keep` has
// filled: processor time without sockets and threads, and what a profiler should look at.
//   deno run -A bench/scan_blocks.ts --blocks folder/table/blocks [--matching rate] [--times 20] [--profile]
// With --profile it also prints in which functions the time went; --profile-cold, of the first asking.
import { parseArgs } from "node:util";

import { createApi, defaultApiOptions } from "../api/mod.ts";
import { createRuntime } from "../lib/runtime.ts";
import { createFrontend } from "../query/frontend/mod.ts";
import { BlockQuerier, ScanPool } from "../query/querier/mod.ts";
import { BlockList, openStore } from "../storage/mod.ts";
import { testDeps } from "../tests/support/test_api.ts";
import { askInProcess } from "./ask_in_process.ts";
import type { TimeRange } from "./scenarios/query_questions.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    blocks: { type: "string" },
    matching: { type: "string", default: "" },
    times: { type: "string", default: "20" },
    profile: { type: "boolean", default: false },
    "profile-cold": { type: "boolean", default: false },
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
await askInProcess(api, range, {
  matching: values.matching,
  times: Number(values.times),
  isProfiled: values.profile,
  isColdProfiled: values["profile-cold"],
  cacheBytes: async () => (await pool.cacheUse()).sizeBytes,
});
Deno.exit();
