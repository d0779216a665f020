// What jobs on all blocks of a question come to together: bytes that would be read, and a trace's parts.
import type { BlockMeta } from "../../model/block_meta.ts";
import type { QueryRequest } from "../engine/mod.ts";
import type { BlockJobs } from "./block_jobs.ts";
import type { FindResult } from "./block_scanner.ts";

/** Bytes that a question will read, from footers. `op` names it in metrics. */
export async function estimateAll(
  jobs: BlockJobs,
  request: QueryRequest,
  op: string,
  blocks: readonly BlockMeta[],
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0;
  await jobs.run<number>({
    tenant: request.tenant,
    op,
    blocks,
    ask: (scanner, batch, inner) => scanner.estimate(request, batch, inner),
    heard: (estimated) => {
      bytes += estimated;
      return false;
    },
  }, signal);
  return bytes;
}

export async function findInAll(
  jobs: BlockJobs,
  tenant: string,
  traceId: Uint8Array,
  blocks: readonly BlockMeta[],
  batchMax: number,
  signal: AbortSignal,
): Promise<FindResult> {
  const found: FindResult[] = [];
  await jobs.run<FindResult>({
    tenant,
    op: "traces",
    blocks,
    batchMax,
    ask: (scanner, batch, inner) => scanner.find(traceId, batch, inner),
    heard: (part) => {
      found.push(part);
      return false;
    },
  }, signal);
  return {
    traces: found.flatMap((part) => part.traces),
    failedBlocks: found.flatMap((part) => part.failedBlocks).sort(),
    isListStale: found.some((part) => part.isListStale),
  };
}
