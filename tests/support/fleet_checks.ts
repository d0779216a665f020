// deno-lint-ignore-file house/no-ambient-world
// What must hold of a fleet's data, asked as users ask and read from the topic and the bucket themselves.
import { createRuntime } from "../../lib/runtime.ts";
import { readTraces } from "../../model/record.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { openStore, type StoreConfig } from "../../storage/mod.ts";
import { KafkaLog, type KafkaLogOptions } from "../../wal/kafka/mod.ts";
import type { AckedTrace } from "./fleet_load.ts";
import { type Asking, findTrace } from "./query_client.ts";
import { spanIdsOf, visibleBlocks } from "./visible_spans.ts";

const NEVER = new AbortController().signal;
const AT_A_TIME = 8;

/** Traces that are not there, or not whole, or have a span twice. */
export async function problemsById(
  url: string,
  traces: readonly AckedTrace[],
): Promise<string[]> {
  const problems: string[] = [];
  const left = [...traces];
  const ask = async () => {
    for (let trace = left.pop(); trace !== undefined; trace = left.pop()) {
      const found = await patiently(() => findTrace(url, trace.traceId));
      const distinct = new Set(found.map(({ spanId, kind }) => `${spanId}/${kind}`)).size;
      if (distinct < found.length) problems.push(`${trace.traceId}: a span is there twice`);
      if (distinct !== trace.spans) {
        problems.push(`${trace.traceId}: ${distinct} of ${trace.spans} spans by id`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, ask));
  return problems;
}

/** Traces that a search for everything does not tell. */
export async function problemsBySearch(
  url: string,
  traces: readonly AckedTrace[],
): Promise<string[]> {
  const query = new URLSearchParams({ q: "{}", limit: "200000", spss: "1" });
  const { traces: found = [] } = await patiently(() => askJson(`${url}/api/search?${query}`));
  const ids = new Set(found.map(({ traceID }: { traceID: string }) => traceID.padStart(32, "0")));
  return traces.filter(({ traceId }) => !ids.has(traceId))
    .map(({ traceId }) => `${traceId} is not found by search`);
}

/** Spans in all, as TraceQL metrics count them; a minute to each side of the traces. */
export async function countedByMetrics(
  url: string,
  fromMs: number,
  toMs: number,
  init: Asking = {},
): Promise<number> {
  const query = new URLSearchParams({
    q: "{} | count_over_time()",
    start: String(Math.floor(fromMs / 1000) - 60),
    end: String(Math.ceil(toMs / 1000) + 60),
    step: "10s",
    exemplars: "0",
  });
  const { series = [] } = await patiently(() =>
    askJson(`${url}/api/metrics/query_range?${query}`, init)
  );
  let sum = 0;
  for (const { samples = [] } of series) {
    for (const { value = 0 } of samples) sum += Number(value);
  }
  return sum;
}

/** How often each span is in the topic: once more for each time that a client had to try again. */
export async function spansOfTopic(options: KafkaLogOptions): Promise<Map<string, number>> {
  await using log = await KafkaLog.open(createRuntime(), options);
  const counts = new Map<string, number>();
  for (const partition of log.partitions) {
    const end = await log.endOffset(partition);
    for (let next = await log.startOffset(partition); next < end;) {
      const read = { bytesMax: 8 << 20, waitMs: 1_000, signal: NEVER };
      const { records, nextOffset } = await log.read(partition, next, read);
      for (const { value } of records) {
        const columns = new SpanColumns(defaultDedicated);
        const decoder = new OtlpDecoder(columns);
        readTraces(value, (message) => void decoder.decode(message));
        const ids = new Uint8Array(columns.spanId.buffer, columns.spanId.byteOffset);
        for (let row = 0; row < columns.length; row++) {
          count(counts, ids.subarray(8 * row, 8 * row + 8).toHex());
        }
      }
      next = nextOffset;
    }
  }
  return counts;
}

/** How often each span is in live blocks of the bucket. */
export async function spansOfBlocks(config: StoreConfig): Promise<Map<string, number>> {
  const store = await openStore(config, createRuntime());
  const counts = new Map<string, number>();
  for (const meta of await visibleBlocks(store)) {
    for (const id of await spanIdsOf(store, meta)) count(counts, id);
  }
  return counts;
}

function count(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1);
}

async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0;; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

// deno-lint-ignore no-explicit-any
async function askJson(url: string, init: Asking = {}): Promise<any> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text);
}
