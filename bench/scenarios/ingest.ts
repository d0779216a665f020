// Ingest: a few connections send as fast as they are answered, beside the server on the same cores.
// What a span costs counts from the socket to the finished block, so the log is drained before the
// processor time is read.
import { systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { BenchServer } from "../bench_server.ts";
import { bucketsBetween, bucketsOf, percentile, quantile } from "../figures.ts";
import { GrpcSender } from "../load/grpc_sender.ts";
import { HttpSender } from "../load/http_sender.ts";
import { createWaves, RequestSource } from "../load/request_source.ts";
import { type LoadResult, runLoad } from "../load/run_load.ts";
import { type Sender, SENDER_ROOM_BYTES } from "../load/sender.ts";
import { processUse } from "../process_use.ts";

export type Protocol = "grpc" | "http";

export interface IngestOptions {
  readonly protocol: Protocol;
  readonly spansPerRequest: number;
  readonly connections: number;
  readonly secondsMax: number;
  readonly spansMax: number;
  readonly seed: number;
  /** Of all spans, while they come. */
  readonly makesMetrics?: boolean;
}

export interface IngestFigures {
  readonly scenario: string;
  readonly ackedSpans: number;
  readonly ackedSpansPerSecond: number;
  /** Until every span was in a block. */
  readonly sustainedSpansPerSecond: number;
  readonly isDrained: boolean;
  readonly cpuMicrosPerSpan: number;
  readonly ackMsP50: number;
  readonly ackMsP99: number;
  readonly peakMegabytes: number;
  /** NaN where the server does not tell. */
  readonly timerLagMsP99: number;
  readonly bytesPerSpan: number;
  readonly blocks: number;
  readonly otlpBytesPerSpan: number;
  readonly refusals: Readonly<Record<string, number>>;
}

const LAG = "segno_event_loop_lag_seconds";
const DRAIN_MS = 120_000;

export async function benchIngest(dir: string, options: IngestOptions): Promise<IngestFigures> {
  const { makesMetrics = false } = options;
  await using server = await BenchServer.start(dir, { makesMetrics });
  const { ports, pid } = server.process;
  const before = processUse(pid);
  const lagBefore = bucketsOf(await server.metrics(), LAG);

  const load = await sendLoad(ports, options);
  const sentMs = systemClock.monotonic();
  const lag = bucketsBetween(lagBefore, bucketsOf(await server.metrics(), LAG));
  const blocks = await server.drain(load.ackedSpans, DRAIN_MS);
  // Making the templates, before the first request, is not part of it.
  const drainedSeconds = load.seconds + (systemClock.monotonic() - sentMs) / 1_000;
  const use = processUse(pid);
  if (load.brokenBy !== undefined) throw load.brokenBy;

  return {
    scenario: `${options.protocol} ${options.spansPerRequest}${makesMetrics ? " metrics" : ""}`,
    ackedSpans: load.ackedSpans,
    ackedSpansPerSecond: load.ackedSpans / load.seconds,
    sustainedSpansPerSecond: load.ackedSpans / drainedSeconds,
    isDrained: blocks.isDrained,
    cpuMicrosPerSpan: (use.cpuSeconds - before.cpuSeconds) * 1e6 / load.ackedSpans,
    ackMsP50: percentile(load.ackMs, 0.5),
    ackMsP99: percentile(load.ackMs, 0.99),
    peakMegabytes: use.peakBytes / 1e6,
    timerLagMsP99: quantile(lag, 0.99) * 1_000,
    bytesPerSpan: blocks.bytes / blocks.spans,
    blocks: blocks.blocks,
    otlpBytesPerSpan: load.ackedBytes / load.ackedSpans,
    refusals: load.refusals,
  };
}

export async function sendLoad(
  ports: { readonly otlpGrpc: number; readonly otlpHttp: number },
  options: IngestOptions & { readonly signal?: AbortSignal },
): Promise<LoadResult> {
  await using senders = new AsyncDisposableStack();
  const connections = [];
  for (let i = 0; i < options.connections; i++) {
    const sender: Sender = options.protocol === "http"
      ? await HttpSender.open(ports.otlpHttp)
      : await GrpcSender.open(ports.otlpGrpc);
    senders.use(sender);
    connections.push({ sender, source: loadSource(options, i) });
  }
  const { secondsMax, spansMax, signal } = options;
  const limits = { clock: systemClock, connections, secondsMax, spansMax };
  return await runLoad(signal ? { ...limits, signal } : limits);
}

/** Each connection has templates of its own: they are patched while another's is being sent. */
export function loadSource(
  { spansPerRequest, seed }: { spansPerRequest: number; seed: number },
  connection: number,
  requestsPerWave = 3,
): RequestSource {
  const random = seededRandom(seed * 100 + connection);
  const waves = createWaves(random, {
    spansPerRequest,
    requestsPerWave,
    waves: Math.ceil(6_000 / (spansPerRequest * requestsPerWave)),
    roomBytes: SENDER_ROOM_BYTES,
  });
  return new RequestSource(systemClock, random, waves);
}
