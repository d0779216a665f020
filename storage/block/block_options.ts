// How blocks are written, whoever writes them: the block-builder, a merge, a redaction or the command
// line. Rule: every one of them takes these as the configuration has them, so that blocks of a tenant
// are alike whatever became of them.

import type { CodecName } from "../parquet/compress.ts";
import type { BloomOptions } from "./bloom.ts";

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
