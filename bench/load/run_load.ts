// A closed loop: each connection sends, waits for the answer, and sends the next, until time or
// spans run out. What was refused is counted and not sent again.
import type { Clock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";
import type { RequestSource, SentTrace } from "./request_source.ts";
import type { Sender } from "./sender.ts";

export interface LoadOptions {
  readonly clock: Clock;
  /** One sender and source for each connection. */
  readonly connections: readonly { readonly sender: Sender; readonly source: RequestSource }[];
  readonly secondsMax: number;
  readonly spansMax: number;
  readonly signal?: AbortSignal;
}

export interface LoadResult {
  ackedSpans: number;
  ackedBytes: number;
  ackedRequests: number;
  refusedRequests: number;
  /** By what the server said, the first hundred characters. */
  readonly refusals: Record<string, number>;
  /** Milliseconds from the first byte sent to the answer, of acknowledged requests. */
  readonly ackMs: number[];
  /** Traces of which every span was acknowledged. */
  readonly traces: SentTrace[];
  seconds: number;
  /** Why a connection ended before its time. */
  brokenBy: unknown;
}

const REFUSED_WAIT_MS = 50;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { clock } = options;
  const result: LoadResult = {
    ackedSpans: 0,
    ackedBytes: 0,
    ackedRequests: 0,
    refusedRequests: 0,
    refusals: {},
    ackMs: [],
    traces: [],
    seconds: 0,
    brokenBy: undefined,
  };
  const startMs = clock.monotonic();
  const endMs = startMs + options.secondsMax * 1_000;
  const isOver = () =>
    clock.monotonic() >= endMs || result.ackedSpans >= options.spansMax ||
    options.signal?.aborted === true || result.brokenBy !== undefined;
  await Promise.all(
    options.connections.map((connection) => run(connection, clock, isOver, result)),
  );
  result.seconds = (clock.monotonic() - startMs) / 1_000;
  return result;
}

async function run(
  { sender, source }: LoadOptions["connections"][number],
  clock: Clock,
  isOver: () => boolean,
  result: LoadResult,
): Promise<void> {
  let isWaveWhole = true;
  let isWaveStart = true;
  // A wave that was begun is sent to its end, so that its traces are whole.
  while (!isOver() || !isWaveStart && result.brokenBy === undefined) {
    const { template, finishedTraces, isWaveEnd } = source.next();
    isWaveStart = isWaveEnd;
    const sentMs = clock.monotonic();
    let outcome;
    try {
      outcome = await sender.send(template);
    } catch (error) {
      result.brokenBy = error;
      return;
    }
    if (outcome.isAcked) {
      result.ackMs.push(clock.monotonic() - sentMs);
      result.ackedRequests++;
      result.ackedSpans += template.spanCount;
      result.ackedBytes += template.bytes.length - template.roomBytes;
    } else {
      isWaveWhole = false;
      result.refusedRequests++;
      const reason = outcome.reason.slice(0, 100);
      result.refusals[reason] = (result.refusals[reason] ?? 0) + 1;
      await sleep(clock, REFUSED_WAIT_MS, new AbortController().signal);
    }
    if (isWaveEnd) {
      if (isWaveWhole) result.traces.push(...finishedTraces());
      isWaveWhole = true;
    }
  }
}
