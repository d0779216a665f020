// Writes SpanColumns as a block into a store: data, bloom, index, and meta.json last, for a block
// exists when its meta.json does. A failure before that leaves objects that nobody sees.
// Rules: the columns are only read, and no reference to them is kept; after each step of about ten
// milliseconds `pause` is awaited, so that the thread can do other work meanwhile. The columns must
// not change before the promise settles.
// Memory besides the columns: one column chunk, the layout, and the levels of one row group.
// Format: docs/formats/block.md. Bench: block_writer_bench.ts.

import { invariant } from "../../lib/invariant.ts";
import {
  type BlockMeta,
  bloomKey,
  dataKey,
  indexKey,
  metaKey,
  noCompactKey,
} from "../../model/block_meta.ts";
import { relativeNano, type SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces, type TraceLayout } from "../../model/trace_layout.ts";
import { compressorOf } from "../parquet/compress.ts";
import { sealedMeta } from "../meta_json.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { type BlockOptions, SPANS_PER_ROW_GROUP } from "./block_options.ts";
import { blockSchema } from "./block_schema.ts";
import { TraceIdBloom } from "./bloom.ts";
import { endsWithin, rowGroupEnds, traceRange } from "./row_group_ranges.ts";
import { BlockDataWriter, type WrittenBlock } from "./row_group_writer.ts";

export const ROW_GROUP_BYTES_MAX = 100_000_000;

export interface WriteBlockRequest extends Omit<BlockOptions, "spansPerRowGroup"> {
  readonly tenant: string;
  readonly blockId: string;
  readonly columns: SpanColumns;
  readonly spansPerRowGroup?: number;
  /** Start and end of the block are brought into [clampStartMs, clampEndMs]. */
  readonly clampStartMs: number;
  readonly clampEndMs: number;
  readonly replicationFactor: number;
  readonly hasNoCompactFlag: boolean;
}

/** A hundred nanoseconds each or less. */
const ENTRIES_PER_STEP = 100_000;
const BLOOM_IDS_PER_STEP = 2000; // 3 µs each
const encoder = new TextEncoder();

export async function writeBlock(
  store: ObjectStore,
  request: WriteBlockRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<BlockMeta> {
  const { tenant, blockId, columns } = request;
  const step = async () => {
    await pause();
    signal.throwIfAborted();
  };
  invariant(columns.length > 0, `block ${blockId} of tenant ${tenant} has no spans`);
  signal.throwIfAborted();
  if (request.hasNoCompactFlag) {
    await store.write(noCompactKey(tenant, blockId), new Uint8Array(0), { signal });
  }
  const layout = layoutTraces(columns);
  await step();
  const data = await writeData(store, request, layout, step);
  const blooms = await writeBloom(store, request, layout, step, signal);
  await writeJson(store, indexKey(tenant, blockId), { rowGroups: data.lastIds }, signal);
  const meta = sealedMeta(
    {
      format: columns.dedicated.format,
      blockID: blockId,
      tenantID: tenant,
      ...timesOf(request),
      totalObjects: layout.traces.length,
      size: data.sizeBytes,
      compactionLevel: 0,
      indexPageSize: 0,
      totalRecords: data.lastIds.length,
      bloomShards: blooms.length,
      footerSize: data.footerBytes,
      dedicatedColumns: columns.dedicated.columns,
      replicationFactor: request.replicationFactor,
    },
    blooms,
    data.checksums,
  );
  await writeJson(store, metaKey(tenant, blockId), meta, signal);
  return meta;
}

async function writeData(
  store: ObjectStore,
  request: WriteBlockRequest,
  layout: TraceLayout,
  step: () => Promise<void>,
): Promise<WrittenBlock & { readonly lastIds: string[] }> {
  const { columns } = request;
  const object = await store.openWriter(dataKey(request.tenant, request.blockId));
  const lastIds: string[] = [];
  try {
    const pending: Uint8Array[] = [];
    const flush = async () => {
      for (const bytes of pending.splice(0)) await object.write(bytes);
    };
    const writer = new BlockDataWriter(
      blockSchema(columns.dedicated),
      compressorOf(request.codec),
      (bytes) => pending.push(bytes.slice()),
    );
    let from = 0;
    const { spansPerRowGroup = SPANS_PER_ROW_GROUP, rowGroupBytesMax = ROW_GROUP_BYTES_MAX } =
      request;
    const ends = rowGroupEnds(layout, spansPerRowGroup);
    for (const to of endsWithin(rowGroupBytesMax, columns, layout, ends)) {
      let entries = 0;
      for (const written of writer.rowGroup(columns, traceRange(layout, from, to))) {
        entries += written;
        if (entries < ENTRIES_PER_STEP) continue;
        entries = 0;
        await flush();
        await step();
      }
      if (to > from) lastIds.push(columns.traces.id(layout.traces[to - 1]!).toBase64());
      from = to;
    }
    const written = writer.finish();
    await flush();
    await object.close();
    return { ...written, lastIds };
  } catch (error) {
    await object.abort();
    throw error;
  }
}

async function writeBloom(
  store: ObjectStore,
  { tenant, blockId, columns, bloom: options }: WriteBlockRequest,
  { traces }: TraceLayout,
  step: () => Promise<void>,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const bloom = new TraceIdBloom(traces.length, options);
  for (const [i, trace] of traces.entries()) {
    bloom.add(columns.traces.id(trace));
    if (i % BLOOM_IDS_PER_STEP === BLOOM_IDS_PER_STEP - 1) await step();
  }
  const files = bloom.files();
  for (const [shard, file] of files.entries()) {
    await store.write(bloomKey(tenant, blockId, shard), file, { signal });
  }
  return files;
}

async function writeJson(
  store: ObjectStore,
  key: string,
  value: unknown,
  signal: AbortSignal,
): Promise<void> {
  await store.write(key, encoder.encode(JSON.stringify(value)), { signal });
}

/** First start and last end, in whole seconds outwards of what is clamped. */
function timesOf(request: WriteBlockRequest): { startTime: string; endTime: string } {
  const { columns, clampStartMs, clampEndMs } = request;
  let first = Infinity;
  let last = -Infinity;
  for (let row = 0; row < columns.length; row++) {
    const startMs = relativeNano(columns.startUnixNano, row, { low: 0, high: 0 }) / 1e6;
    first = Math.min(first, startMs);
    last = Math.max(last, startMs + columns.durationNano[row]! / 1e6);
  }
  const clamped = (ms: number) => Math.min(clampEndMs, Math.max(clampStartMs, ms));
  return {
    startTime: rfc3339(Math.floor(clamped(first) / 1000)),
    endTime: rfc3339(Math.ceil(clamped(last) / 1000)),
  };
}

function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
