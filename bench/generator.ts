// deno-lint-ignore-file no-console
// What spans cost on their way to series, in CPU microseconds a span: reading a record, span-metrics,
// service graphs, both, and the collection of what came of it.
//   deno run -A bench/generator.ts [--spans 60000] [--rounds 5] [--dimensions http.method,http.status_code]
import process from "node:process";
import { parseArgs } from "node:util";

import { type GeneratorSettings, RecordColumns, TenantGenerator } from "../generator/mod.ts";
import { recordSize, writeRecord } from "../model/record.ts";
import { ALL_OF, defaultSettings } from "../tests/support/generator_settings.ts";
import { realisticTraces } from "../tests/support/realistic.ts";

/** Of a record in the log, about. */
const TRACES_PER_RECORD = 20;
/** When the load begins, and how fast it comes. */
const NOW_MS = 1_767_268_830_000;
const SPANS_PER_MS = 30;

const { values: flags } = parseArgs({
  options: {
    spans: { type: "string", default: "60000" },
    rounds: { type: "string", default: "5" },
    dimensions: { type: "string", default: "" },
    native: { type: "boolean", default: false },
  },
});
const records = recordsOf(realisticTraces(Number(flags.spans)));
const dimensions = flags.dimensions === "" ? [] : flags.dimensions.split(",");
const base = defaultSettings({ slackMs: 3_600_000 });
const settings: GeneratorSettings = {
  ...base,
  spanMetrics: { ...base.spanMetrics, dimensions },
  registry: { ...base.registry, histograms: flags.native ? "native" : "classic" },
};
const cases: Readonly<Record<string, GeneratorSettings["processors"]>> = {
  "reading only": [],
  "span-metrics": ALL_OF.spanMetrics,
  "service-graphs": ALL_OF.serviceGraphs,
  "both": [...ALL_OF.spanMetrics, ...ALL_OF.serviceGraphs],
};

const best = new Map<string, { pushUs: number; collectUs: number; series: number }>();
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const [name, processors] of Object.entries(cases)) {
    const figures = measure({ ...settings, processors });
    const before = best.get(name);
    if (before === undefined || figures.pushUs < before.pushUs) best.set(name, figures);
  }
}
for (const [name, { pushUs, collectUs, series }] of best) {
  console.log(
    `${name.padEnd(15)} ${pushUs.toFixed(2)} µs a span; ${series} series, ` +
      `collected in ${(collectUs / 1000).toFixed(1)} ms`,
  );
}

/** The second time that the load comes: what can be learnt was learnt. */
function measure(settings: GeneratorSettings) {
  const generator = new TenantGenerator(settings, new RecordColumns(), NOW_MS);
  const push = () => {
    for (const record of records) {
      generator.push(record, NOW_MS + generator.received.spans / SPANS_PER_MS);
    }
  };
  push();
  const { spans } = generator.received;
  const pushed = cpuUs(push);
  generator.collect(NOW_MS + 15_000);
  let series = 0;
  const collected = cpuUs(() => series = generator.collect(NOW_MS + 30_000).length);
  return { pushUs: pushed / spans, collectUs: collected, series };
}

function cpuUs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function recordsOf(traces: readonly Uint8Array[]): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let from = 0; from < traces.length; from += TRACES_PER_RECORD) {
    const messages = traces.slice(from, from + TRACES_PER_RECORD).map((bytes) => ({
      traceId: new Uint8Array(16),
      bytes,
      spanCount: 0,
    }));
    const record = new Uint8Array(recordSize(messages));
    writeRecord(messages, record, 0);
    records.push(record);
  }
  return records;
}
