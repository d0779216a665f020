// Which segments may go. Rules: whole segments, oldest first, and none that holds a record which a
// registered group has not committed, however old or large the log has become.

export interface KeptSegment {
  readonly segment: number;
  readonly createdMs: number;
  /** How much of it is durable; grows while it is written. */
  endBytes: number;
  /** The first offset that each partition can have in it. */
  readonly nextOffsets: ReadonlyMap<number, number>;
}

export interface RetentionLimits {
  readonly retentionMs: number;
  readonly retentionBytesMax: number;
}

/** How many of the oldest segments are past the limits and done with; never the newest. */
export function countRemovable(
  segments: readonly KeptSegment[],
  limits: RetentionLimits,
  nowMs: number,
  committed: (partition: number) => number,
): number {
  let bytes = segments.reduce((sum, { endBytes }) => sum + endBytes, 0);
  let count = 0;
  for (; count < segments.length - 1; count++) {
    const segment = segments[count]!;
    const next = segments[count + 1]!;
    // Its last record is no younger than the segment after it.
    const isOld = next.createdMs <= nowMs - limits.retentionMs;
    if (!isOld && bytes <= limits.retentionBytesMax) break;
    if (!isDone(segment, next, committed)) break;
    bytes -= segment.endBytes;
  }
  return count;
}

function isDone(
  { nextOffsets }: KeptSegment,
  next: KeptSegment,
  committed: (partition: number) => number,
): boolean {
  for (const [partition, endOffset] of next.nextOffsets) {
    const hasRecords = endOffset > (nextOffsets.get(partition) ?? 0);
    if (hasRecords && committed(partition) < endOffset) return false;
  }
  return true;
}
