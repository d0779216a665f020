// A block of our own writing, of spans as services send them.
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import type { BlockMeta, DedicatedColumnMeta } from "../../model/block_meta.ts";
import { dedicatedAttributes, defaultDedicated } from "../../model/dedicated_attributes.ts";
import { realisticTraces } from "./realistic.ts";
import { writeBlock, type WriteBlockRequest } from "../../storage/block/block_writer.ts";
import { MemoryObjectStore } from "../../storage/store/memory.ts";

export const TENANT = "acme";
export const BLOCK_ID = "5a6b0000-0000-4000-8000-0000000000ff";
export const signal = new AbortController().signal;

export function someSpans(
  spans: number,
  dedicated: readonly DedicatedColumnMeta[] = defaultDedicated.columns,
): SpanColumns {
  const columns = new SpanColumns(dedicatedAttributes(dedicated));
  const decoder = new OtlpDecoder(columns);
  for (const message of realisticTraces(spans)) decoder.decode(message);
  return columns;
}

export async function someBlock(
  columns: SpanColumns,
  changes: Partial<WriteBlockRequest> = {},
): Promise<{ store: MemoryObjectStore; meta: BlockMeta }> {
  const store = new MemoryObjectStore();
  const meta = await writeBlock(
    store,
    {
      tenant: TENANT,
      blockId: BLOCK_ID,
      columns,
      codec: "zstd",
      clampStartMs: 0,
      clampEndMs: 1e13,
      replicationFactor: 1,
      hasNoCompactFlag: false,
      ...changes,
    },
    () => Promise.resolve(),
    signal,
  );
  return { store, meta };
}
