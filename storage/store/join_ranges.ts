// Which ranges of an object are read in one request: each costs a round trip, so those that lie near
// are read together with the gap between them.
import type { ByteRange } from "./object_store.ts";

export interface JoinedRange extends ByteRange {
  /** Which of the given ranges lie in it. */
  readonly members: readonly number[];
}

/** A joined range passes `joinedBytesMax` only if a single one does: large reads go in parallel. */
export function joinRanges(
  ranges: readonly ByteRange[],
  gapBytesMax: number,
  joinedBytesMax: number,
): JoinedRange[] {
  const order = ranges.map((_, index) => index);
  order.sort((a, b) => ranges[a]!.offset - ranges[b]!.offset);
  const joined: JoinedRange[] = [];
  for (const index of order) {
    const { offset, sizeBytes } = ranges[index]!;
    const last = joined.at(-1);
    if (last !== undefined && offset - (last.offset + last.sizeBytes) <= gapBytesMax) {
      const end = Math.max(last.offset + last.sizeBytes, offset + sizeBytes);
      if (end - last.offset <= Math.max(joinedBytesMax, last.sizeBytes)) {
        const members = [...last.members, index];
        joined[joined.length - 1] = { offset: last.offset, sizeBytes: end - last.offset, members };
        continue;
      }
    }
    joined.push({ offset, sizeBytes, members: [index] });
  }
  return joined;
}
