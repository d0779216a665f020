// The server as the bench starts it: limits out of the way, everything else as by default.
import { systemClock } from "../lib/clock.ts";
import { sleep } from "../lib/waiting.ts";
import { type ServerPorts, ServerProcess } from "../tests/support/server_process.ts";
import { type BlockTotals, blockTotals } from "./blocks_on_disk.ts";

const CONFIG = `
overrides:
  defaults:
    ingestion:
      rate_limit_bytes: 1000000000
      burst_size_bytes: 1000000000
      max_traces_per_user: 0
`;

/** Below `overrides.defaults`, and a place of its own. Nobody is written to. */
const METRICS = `    metrics_generator: {processors: [span-metrics, service-graphs]}
metrics_generator: {storage: {path: ./generator}}
`;

export interface BenchServerOptions {
  readonly ports?: ServerPorts;
  /** Kept in memory, which the default has no room for. */
  readonly liveSpans?: number;
  readonly makesMetrics?: boolean;
}

export class BenchServer implements AsyncDisposable {
  private constructor(readonly process: ServerProcess) {}

  static async start(
    dir: string,
    { ports, liveSpans, makesMetrics = false }: BenchServerOptions = {},
  ): Promise<BenchServer> {
    const segno = liveSpans === undefined ? "" : liveOnly(liveSpans);
    const config = makesMetrics ? CONFIG + METRICS : CONFIG;
    const options = { dir, config, segno, readyWithinMs: 120_000 };
    return new BenchServer(await ServerProcess.start(ports ? { ...options, ports } : options));
  }

  get blocksDir(): string {
    return `${this.process.dir}/data/blocks`;
  }

  async metrics(): Promise<string> {
    const response = await fetch(`${this.process.url}/metrics`);
    return await response.text();
  }

  /** Has everything built into blocks, waits until they hold that many spans, and counts. */
  async drain(spans: number, withinMs: number): Promise<BlockTotals & { isDrained: boolean }> {
    const deadlineMs = systemClock.monotonic() + withinMs;
    // Otherwise the last section waits until it is old enough.
    const flushed = await fetch(`${this.process.url}/flush`, { method: "POST" });
    await flushed.body?.cancel();
    if (!flushed.ok) throw new Error(`/flush answers ${flushed.status}`);
    for (;;) {
      const totals = await blockTotals(this.blocksDir);
      if (totals.spans >= spans) return { ...totals, isDrained: true };
      if (systemClock.monotonic() > deadlineMs) return { ...totals, isDrained: false };
      await sleep(systemClock, 100, new AbortController().signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    await this.process[Symbol.asyncDispose]();
  }
}

/** A live span takes some 470 bytes, and live data a part of the budget. */
const liveOnly = (spans: number) => `
  memory_budget_bytes: ${600_000_000 + spans * 4_000}
  section: { spans_max: ${spans * 2}, age_max: 1h }
`;
