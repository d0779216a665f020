// All scanners of a process as one: what a querier is for the frontends of others.
// Rule: a job is cut by where its blocks live, tenants take turns, and its answer is that of all its blocks
// or a failure; it is tried but once, for whoever asks tries again.
import { Metrics } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { type AnswerOf, mergeAnswers, progressOf, type QueryRequest } from "../engine/mod.ts";
import { BlockJobs, type JobOptions } from "./block_jobs.ts";
import type { FindResult, ScanResult } from "./block_scanner.ts";
import { estimateAll, findInAll } from "./all_blocks.ts";
import { canStop } from "./early_exit.ts";
import type { ExplainedBlock } from "./explain.ts";
import type { Scanner } from "./scan_pool.ts";
import { fixedScanners } from "./scanner_set.ts";

export class PooledScanner implements Scanner {
  readonly #jobs: BlockJobs;

  constructor(runtime: Runtime, scanners: readonly Scanner[], options: JobOptions) {
    // What waits here is told as work of the querier's, not as the queue of a frontend.
    const apart = { ...runtime, metrics: new Metrics() };
    const once = { ...options, triesMax: 1, outstandingPerTenantMax: 0 };
    this.#jobs = new BlockJobs(apart, fixedScanners(scanners), once);
  }

  async scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    let answer: AnswerOf<R> = mergeAnswers(request, []);
    let completedBlocks = 0;
    const explained: ExplainedBlock[] = [];
    await this.#jobs.run<ScanResult<R>>({
      tenant: request.tenant,
      op: request.kind,
      blocks,
      ask: (scanner, some, inner) => scanner.scan(request, some, inner),
      isVain: (block) => canStop(request, progressOf(answer), block),
      heard: (scanned) => {
        answer = mergeAnswers(request, [answer, scanned.answer]);
        completedBlocks += scanned.completedBlocks;
        explained.push(...scanned.explained ?? []);
        return false;
      },
    }, signal);
    return { answer, completedBlocks, ...(request.isExplained && { explained }) };
  }

  estimate(
    request: QueryRequest,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number> {
    return estimateAll(this.#jobs, request, request.kind, blocks, signal);
  }

  find(
    traceId: Uint8Array,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<FindResult> {
    const tenant = blocks[0]?.tenantID ?? "";
    return findInAll(this.#jobs, tenant, traceId, blocks, blocks.length, signal);
  }
}
