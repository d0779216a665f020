// How blocks are written, whoever writes them: the block-builder, a merge, a redaction or the command
// line. Rule: every one of them takes these as the configuration has them, so that blocks of a tenant
// are alike whatever became of them.

import type { CodecName } from "../parquet/compress.ts";
import type { BloomOptions } from "./bloom.ts";

/** What is best for scans and merges, where a request costs nothing. */
export const SPANS_PER_ROW_GROUP = 80_000;

/**
 * Where each request costs: a row group of usual spans is 1.4 MB, so that whoever wants one of its traces
 * fetches it whole in one request, and has not read 2 MB with the footer (docs/adr/0017).
 */
export const SPANS_PER_ROW_GROUP_IN_BUCKETS = 16_000;

export interface BlockOptions {
  readonly codec: CodecName;
  readonly spansPerRowGroup: number;
  /** By the peer's estimate, see row_group_ranges.ts. */
  readonly rowGroupBytesMax?: number | undefined;
  readonly bloom?: BloomOptions | undefined;
}

/** These alone, of something that has them among others. */
export function blockOptionsOf(
  { codec, spansPerRowGroup, rowGroupBytesMax, bloom }: BlockOptions,
): BlockOptions {
  return { codec, spansPerRowGroup, rowGroupBytesMax, bloom };
}
