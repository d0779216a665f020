// The blocks that the spans of a section may be in already: the one that is built from it, and those
// that a life before this one built from the same start of the log and did not commit.
// Who adds up spans of memory and of blocks leaves these out while the section is in memory.
import { blockId } from "./block_id.ts";

/** Each life that crashes before its commit uses up one. */
const SEQUENCES = 32;

export function coveredBlocks(
  tenant: string,
  partition: number,
  startOffset: number,
  logIdentity: string,
): string[] {
  return Array.from(
    { length: SEQUENCES },
    (_, i) => blockId(tenant, partition, startOffset, i + 1, logIdentity),
  );
}
