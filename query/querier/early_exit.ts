// When a question has enough: looking further could not change what it may answer.
// Tag values stop at their limit. Of traces any `limit` will do, unless the most recent are asked for:
// then a block is passed over only if it ends before the oldest of them starts.
import type { BlockMeta } from "../../model/block_meta.ts";
import type { AnswerOf, QueryRequest } from "../engine/mod.ts";

/** `next`: the newest block not yet done with, if there is one. */
export function canStop<R extends QueryRequest>(
  request: R,
  answer: AnswerOf<R>,
  next: BlockMeta | undefined,
): boolean {
  if (request.kind === "tag_values" && answer.kind === "tag_values") {
    return request.limit > 0 && answer.values.length >= request.limit;
  }
  if (request.kind !== "search" || answer.kind !== "search") return false;
  if (answer.traces.length < request.limit) return false;
  if (!request.mostRecent || next === undefined) return true;
  const oldest = answer.traces.at(-1);
  return oldest !== undefined &&
    oldest.startUnixNano / 1_000_000n > BigInt(Math.ceil(Date.parse(next.endTime)));
}
