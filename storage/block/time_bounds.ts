// Between which times everything of a block lies, by its footer. Not by its meta: there times are brought
// near the hour when it was written, so that one bad clock does not make it overlap every question.
import type { RowGroup } from "../parquet/metadata.ts";

export interface TimeBounds {
  readonly minNano: bigint;
  readonly maxNano: bigint;
}

/** Starts and ends of traces, and starts of spans, which may lie outside of both where clocks go wrong. */
const TIMES = ["StartTimeUnixNano", "EndTimeUnixNano", "rs.ss.Spans.StartTimeUnixNano"];

/** Undefined where a footer does not say. */
export function timeBoundsOf(rowGroups: readonly RowGroup[]): TimeBounds | undefined {
  let [minNano, maxNano] = [1n << 64n, -1n];
  for (const { chunks } of rowGroups) {
    for (const path of TIMES) {
      const { min, max } = chunks.get(path)?.statistics ?? {};
      if (min?.length !== 8 || max?.length !== 8) return undefined;
      const [low, high] = [u64(min), u64(max)];
      if (low < minNano) minNano = low;
      if (high > maxNano) maxNano = high;
    }
  }
  return { minNano, maxNano };
}

function u64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}
