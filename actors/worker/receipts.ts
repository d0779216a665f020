// Receipts of what was redacted, one object per block and batch beside the tenant's blocks:
//
//   <tenant>/redactions/<batch>/<block>.json
//
// Rule: a receipt is there before its traces are gone, and says then that they are about to go; a job that
// is done again, or by two at once, ends with what was removed.
import { NotFoundError } from "../../lib/errors.ts";
import { ExistsError, type ObjectStore } from "../../storage/mod.ts";
import type { RedactionWish } from "../scheduler/job.ts";

export interface Receipt {
  readonly batchId: string;
  readonly tenant: string;
  readonly blockId: string;
  /** "found" in a dry run. */
  readonly state: "removing" | "removed" | "found";
  /** By the scheduler's clock, ISO 8601. */
  readonly at: string;
  readonly wish: RedactionWish;
  /** The block without them; absent if it had no others, or nothing was removed. */
  readonly newBlockId?: string;
  readonly traceIds: readonly string[];
  readonly spans: number;
}

const folderOf = (tenant: string, batchId: string) => `${tenant}/redactions/${batchId}/`;

export async function writeReceipt(
  store: ObjectStore,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<void> {
  const key = `${folderOf(receipt.tenant, receipt.batchId)}${receipt.blockId}.json`;
  const text = new TextEncoder().encode(JSON.stringify(receipt));
  try {
    // Whoever does the job a second time must not take back what the first has told.
    await store.write(key, text, { signal, ifAbsent: receipt.state === "removing" });
  } catch (error) {
    if (!(error instanceof ExistsError)) throw error;
  }
}

/** Of one batch; none if there is no such batch, or it has found nothing. */
export async function readReceipts(
  store: ObjectStore,
  tenant: string,
  batchId: string,
  signal: AbortSignal,
): Promise<Receipt[]> {
  const { objects } = await store.list(folderOf(tenant, batchId), undefined, signal);
  const receipts: Receipt[] = [];
  for (const { key } of objects) {
    try {
      const bytes = await store.read(key, undefined, signal);
      receipts.push(JSON.parse(new TextDecoder().decode(bytes)));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  return receipts;
}

/** Batches of a tenant that have receipts. */
export async function batchesWithReceipts(
  store: ObjectStore,
  tenant: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { prefixes } = await store.list(`${tenant}/redactions/`, "/", signal);
  return prefixes.map((prefix) => prefix.split("/")[2]!);
}
