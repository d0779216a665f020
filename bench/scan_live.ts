// The questions of the query table asked in this very process of spans in memory, as a partition host has
// them: processor time without sockets and threads, and what a profiler should look at.
//   deno run -A bench/scan_live.ts [--spans 500000] [--matching rate] [--times 20] [--profile]
// With --growing a request of spans comes between any two questions, as under load.
import { parseArgs } from "node:util";
import { createApi, defaultApiOptions } from "../api/mod.ts";
import { systemClock } from "../lib/clock.ts";
import { seededRandom } from "../lib/random.ts";
import { createRuntime } from "../lib/runtime.ts";
import { defaultDedicated } from "../model/dedicated_attributes.ts";
import { LiveView } from "../model/live_view.ts";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { SpanColumns } from "../model/span_columns.ts";
import { query } from "../query/engine/mod.ts";
import { createFrontend } from "../query/frontend/mod.ts";
import { testDeps } from "../tests/support/test_api.ts";
import { BlockQuerier, ScanPool } from "../query/querier/mod.ts";
import { MemoryObjectStore } from "../storage/mod.ts";
import { askInProcess } from "./ask_in_process.ts";
import { createWaves, RequestSource } from "./load/request_source.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    spans: { type: "string", default: "500000" },
    matching: { type: "string", default: "" },
    times: { type: "string", default: "20" },
    growing: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    "profile-cold": { type: "boolean", default: false },
  },
});
const HOUR = 3_600;
const random = seededRandom(1);
const options = { spansPerRequest: 300, requestsPerWave: 3, waves: 30, roomBytes: 0 };
const source = new RequestSource(systemClock, random, createWaves(random, options));
const columns = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(columns);
const grow = () => decoder.decode(source.next().template.bytes);
while (columns.length < Number(values.spans)) grow();

const runtime = createRuntime();
let view = LiveView.of(columns);
const pool = new ScanPool(runtime, new MemoryObjectStore(), {
  workers: 0,
  cacheBytesMax: 0,
  scansMax: 1,
  findsMax: 1,
});
const noBlocks = { blocks: () => [], blocksOverlapping: () => [] };
const frontend = createFrontend(runtime, {
  live: {
    query: async (request, signal) => {
      if (values.growing) grow();
      view = view.renewed();
      return [await query(request, view, signal)];
    },
    findTrace: () => Promise.resolve([]),
  },
  blocks: new BlockQuerier(runtime, noBlocks, pool.scanners),
});
const api = createApi(runtime, { ...testDeps(), frontend }, defaultApiOptions);
const end = Math.ceil(systemClock.now() / 1_000);
await askInProcess(api, { start: end - HOUR, end }, {
  matching: values.matching,
  times: Number(values.times),
  isProfiled: values.profile,
  isColdProfiled: values["profile-cold"],
  cacheBytes: () => Promise.resolve(0),
});
