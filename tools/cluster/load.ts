// Load at a rate: requests of made-up traces, one after the other and each at its time, to all distributors in turn.
// Rule: what is refused or lost is counted and not sent again; time that was lost is not caught up with.
import { HttpSender } from "../../bench/load/http_sender.ts";
import type { RequestSource } from "../../bench/load/request_source.ts";
import { loadSource } from "../../bench/scenarios/ingest.ts";
import { type Clock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";

const SPANS_PER_REQUEST = 100;
const AGAIN_AFTER_MS = 1_000;

export interface LoadCounts {
  ackedSpans: number;
  failedRequests: number;
}

/** A sender for each distributor; until the signal aborts. */
export async function sendAtRate(
  clock: Clock,
  otlpPorts: readonly number[],
  spansPerSecond: number,
  signal: AbortSignal,
  counts: LoadCounts = { ackedSpans: 0, failedRequests: 0 },
): Promise<LoadCounts> {
  const each = spansPerSecond / otlpPorts.length;
  await Promise.all(otlpPorts.map((port, connection) => {
    const spansPerRequest = Math.max(10, Math.min(SPANS_PER_REQUEST, Math.round(each)));
    const source = loadSource({ spansPerRequest, seed: 1 }, connection);
    return send(clock, port, source, each, signal, counts);
  }));
  return counts;
}

async function send(
  clock: Clock,
  port: number,
  source: RequestSource,
  spansPerSecond: number,
  signal: AbortSignal,
  counts: LoadCounts,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await using sender = await HttpSender.open(port);
      let dueMs = clock.monotonic();
      while (!signal.aborted) {
        const { template } = source.next();
        const { isAcked } = await sender.send(template);
        if (isAcked) counts.ackedSpans += template.spanCount;
        else counts.failedRequests++;
        dueMs = nextDue(dueMs, clock.monotonic(), template.spanCount, spansPerSecond);
        await sleep(clock, Math.max(0, dueMs - clock.monotonic()), signal);
      }
    } catch {
      // The distributor is away, or was; it is told by its health.
      counts.failedRequests++;
      await sleep(clock, AGAIN_AFTER_MS, signal);
    }
  }
}

/** When the next request is due; at once if that is past, and then the clock starts anew. */
export function nextDue(
  dueMs: number,
  nowMs: number,
  spans: number,
  spansPerSecond: number,
): number {
  return Math.max(nowMs, dueMs + 1_000 * spans / spansPerSecond);
}
