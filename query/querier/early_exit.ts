// When a question has enough: looking further could not change what it may answer.
// Tag values stop at their limit. Of traces any `limit` will do, unless the most recent are asked for:
// then a block is passed over only if it ends before the oldest of them starts.
import type { BlockMeta } from "../../model/block_meta.ts";
import type { Progress, QueryRequest } from "../engine/mod.ts";

/** `next`: the newest block not yet done with, if there is one. */
export function canStop(
  request: QueryRequest,
  { found, oldestNano }: Progress,
  next: BlockMeta | undefined,
): boolean {
  if (request.kind === "tag_values") return request.limit > 0 && found >= request.limit;
  if (request.kind !== "search") return false;
  if (found < request.limit) return false;
  if (!request.mostRecent || next === undefined) return true;
  return oldestNano !== undefined &&
    oldestNano / 1_000_000n > BigInt(Math.ceil(Date.parse(next.endTime)));
}
