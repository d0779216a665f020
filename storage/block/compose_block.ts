// Writes one block of the traces of several, row group by row group: read the planned ranges into one
// SpanColumns, which remaps codes and unites equal resources; the writer's layout then sorts. There is
// no merge loop over spans: a trace that lies in two blocks has one row in the trace table, and that
// is the merge. Memory is that of one row group, whatever the size of the blocks.
// Of spans with equal id and kind in one trace those of the first block are kept, as Tempo does;
// one block may hold two such spans (Zipkin) and keeps both. A trace that would grow over its limit
// by being merged keeps the spans that come first.
// Rules: meta.json comes last; after each step of some ten milliseconds `pause` is awaited.
// Measure: bench/merge_blocks.ts.

import {
  type BlockFormat,
  type BlockMeta,
  bloomKey,
  dataKey,
  indexKey,
  metaKey,
} from "../../model/block_meta.ts";
import { check } from "../../lib/errors.ts";
import { dedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces, type OrderSpans, type TraceLayout } from "../../model/trace_layout.ts";
import { type CodecName, compressorOf } from "../parquet/compress.ts";
import { sealedMeta } from "../meta_json.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { blockSchema } from "./block_schema.ts";
import { blamed, type Block } from "./block.ts";
import { TraceIdBloom } from "./bloom.ts";
import { DROPPED, type InputRange, planMerge, type RowGroupPlan } from "./merge_plan.ts";
import { isSpanData, type KeepSpan, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";
import { BlockDataWriter, type WrittenBlock } from "./row_group_writer.ts";
import { spanBytes } from "./span_bytes.ts";

export interface ComposeRequest {
  readonly codec: CodecName;
  readonly spansPerRowGroup: number;
  /** Of a trace that lies in several blocks; 0: no limit. */
  readonly bytesPerTraceMax: number;
  /** Traces that are left out, as 32 hex digits. */
  readonly dropTraceIds: ReadonlySet<string>;
  /** What the new block says of itself besides what is counted. */
  readonly identity: BlockIdentity;
}

export type BlockIdentity =
  & { readonly format: BlockFormat }
  & Pick<
    BlockMeta,
    | "blockID"
    | "tenantID"
    | "startTime"
    | "endTime"
    | "compactionLevel"
    | "dedicatedColumns"
    | "replicationFactor"
    | "replaces"
  >;

export interface ComposeCounts {
  /** Traces that lay in more than one of the blocks. */
  readonly tracesCombined: number;
  readonly spansDeduplicated: number;
  /** Left out because their traces became too large. */
  readonly spansOverLimit: number;
  readonly spans: number;
}

const ENTRIES_PER_STEP = 100_000;
const BLOOM_IDS_PER_STEP = 2000;
const encoder = new TextEncoder();

export async function composeBlock(
  store: ObjectStore,
  blocks: readonly Block[],
  request: ComposeRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<ComposeCounts & { readonly meta: BlockMeta }> {
  const composition = new Composition(store, request, blocks, async () => {
    await pause();
    signal.throwIfAborted();
  });
  return await composition.run(signal);
}

class Composition {
  readonly #columns: SpanColumns;
  readonly #bloom: TraceIdBloom;
  readonly #lastIds: string[] = [];
  #traces = 0;
  #spans = 0;
  #tracesCombined = 0;
  #spansDeduplicated = 0;
  #spansOverLimit = 0;

  constructor(
    readonly store: ObjectStore,
    readonly request: ComposeRequest,
    readonly blocks: readonly Block[],
    readonly step: () => Promise<void>,
  ) {
    const { format, dedicatedColumns = [] } = request.identity;
    this.#columns = new SpanColumns(dedicatedAttributes(dedicatedColumns, format));
    const rows = blocks.flatMap(({ rowGroups }) => rowGroups.map((group) => group.rows));
    // Made before the traces are known, hence as large as if none lay in two blocks.
    this.#bloom = new TraceIdBloom(Math.max(1, rows.reduce((sum, count) => sum + count, 0)));
  }

  async run(signal: AbortSignal): Promise<ComposeCounts & { readonly meta: BlockMeta }> {
    const { store, request: { identity } } = this;
    const { tenantID, blockID, startTime, endTime } = identity;
    const data = await this.#writeData();
    const blooms = this.#bloom.files();
    for (const [shard, file] of blooms.entries()) {
      await store.write(bloomKey(tenantID, blockID, shard), file, { signal });
    }
    await this.#writeJson(indexKey(tenantID, blockID), { rowGroups: this.#lastIds }, signal);
    const meta = sealedMeta(
      {
        format: identity.format,
        blockID,
        tenantID,
        startTime,
        endTime,
        totalObjects: this.#traces,
        size: data.sizeBytes,
        compactionLevel: identity.compactionLevel,
        indexPageSize: 0,
        totalRecords: this.#lastIds.length,
        bloomShards: blooms.length,
        footerSize: data.footerBytes,
        dedicatedColumns: this.#columns.dedicated.columns,
        replicationFactor: identity.replicationFactor,
        ...identity.replaces && { replaces: identity.replaces },
      },
      blooms,
      data.checksums,
    );
    await this.#writeJson(metaKey(tenantID, blockID), meta, signal);
    return {
      meta,
      tracesCombined: this.#tracesCombined,
      spansDeduplicated: this.#spansDeduplicated,
      spansOverLimit: this.#spansOverLimit,
      spans: this.#spans,
    };
  }

  async #writeData(): Promise<WrittenBlock> {
    const { identity, codec, spansPerRowGroup, dropTraceIds } = this.request;
    const object = await this.store.openWriter(dataKey(identity.tenantID, identity.blockID));
    try {
      const pending: Uint8Array[] = [];
      const flush = async () => {
        for (const bytes of pending.splice(0)) await object.write(bytes);
      };
      const writer = new BlockDataWriter(
        blockSchema(this.#columns.dedicated),
        compressorOf(codec),
        (bytes) => pending.push(bytes.slice()),
      );
      const plans = planMerge(this.blocks, spansPerRowGroup, dropTraceIds);
      for (;;) {
        const { value: plan, done } = await plans.next();
        if (done === true || plan === undefined) break;
        const layout = layoutTraces(this.#columns, byStart(this.#columns, await this.#read(plan)));
        if (layout.traces.length === 0) continue;
        let entries = 0;
        for (const written of writer.rowGroup(this.#columns, layout)) {
          entries += written;
          if (entries < ENTRIES_PER_STEP) continue;
          entries = 0;
          await flush();
          await this.step();
        }
        await flush();
        await this.#noteTraces(layout);
      }
      check(this.#traces > 0, "blocks without spans", 0);
      const written = writer.finish();
      await flush();
      await this.step();
      await object.close();
      return written;
    } catch (error) {
      await object.abort();
      throw error;
    }
  }

  /** Fills the columns with the spans of a row group; which of its traces have spans of several blocks. */
  async #read(plan: RowGroupPlan): Promise<ReadonlySet<number>> {
    const { bytesPerTraceMax } = this.request;
    let kept = new KeptSpans(new Map());
    await this.#readRanges(plan, kept);
    if (plan.sharedTraces === 0) {
      this.#spans += this.#columns.length;
      return new Set();
    }
    const traceRows = rowsOfShared(this.#columns, plan);
    if (bytesPerTraceMax > 0) {
      const tooLarge = spansThatFit(this.#columns, traceRows, bytesPerTraceMax);
      if (tooLarge.size > 0) {
        // So rare that reading twice is no matter.
        kept = new KeptSpans(tooLarge);
        await this.#readRanges(plan, kept);
      }
    }
    this.#spans += this.#columns.length;
    this.#tracesCombined += kept.combined.size;
    this.#spansDeduplicated += kept.deduplicated;
    this.#spansOverLimit += kept.overLimit;
    // The rows are the same after a second reading: a trace keeps at least its first span.
    return new Set([...kept.combined].map((number) => traceRows[number]!));
  }

  async #readRanges({ ranges }: RowGroupPlan, kept: KeptSpans): Promise<void> {
    const columns = this.#columns;
    columns.clear();
    const reader = new SpanReader(columns);
    for (const range of ranges) {
      const { group, block } = range.input;
      const { file, dedicated, meta } = this.blocks[block]!;
      await blamed(meta, async () => {
        const rows = await RowColumns.read(file, group, range.from, range.to, isSpanData);
        reader.read(rows, dedicated, kept.keeperOf(range));
      });
      await this.step();
    }
  }

  async #noteTraces({ traces }: TraceLayout): Promise<void> {
    const ids = this.#columns.traces;
    for (const [i, trace] of traces.entries()) {
      this.#bloom.add(ids.id(trace));
      if (i % BLOOM_IDS_PER_STEP === BLOOM_IDS_PER_STEP - 1) await this.step();
    }
    this.#lastIds.push(ids.id(traces.at(-1)!).toBase64());
    this.#traces += traces.length;
  }

  async #writeJson(key: string, value: unknown, signal: AbortSignal): Promise<void> {
    await this.store.write(key, encoder.encode(JSON.stringify(value)), { signal });
  }
}

/** Chooses the spans of a row group; only traces that lie in several blocks need memory. */
class KeptSpans {
  deduplicated = 0;
  overLimit = 0;
  /** Numbers of the shared traces that have spans of more than one block. */
  readonly combined = new Set<number>();
  readonly #onlyBlock = new Map<number, number>();
  /** By trace, id and kind: the first block that had the span. */
  readonly #firstBlock = new Map<string, number>();
  readonly #counts = new Map<number, number>();

  /** How many spans a shared trace may keep, by its number; any number if not named. */
  constructor(readonly spansMax: ReadonlyMap<number, number>) {}

  keeperOf({ input: { block }, sharedTrace }: InputRange): KeepSpan {
    return (row, id0, id1, kind) => {
      const trace = sharedTrace[row]!;
      if (trace < 0) return trace !== DROPPED;
      const key = `${trace} ${id0} ${id1} ${kind}`;
      const first = this.#firstBlock.get(key);
      if (first === undefined) this.#firstBlock.set(key, block);
      else if (first !== block) {
        this.deduplicated++;
        return false;
      }
      if (!this.#fits(trace)) return false;
      const only = this.#onlyBlock.get(trace);
      if (only === undefined) this.#onlyBlock.set(trace, block);
      else if (only !== block) this.combined.add(trace);
      return true;
    };
  }

  #fits(trace: number): boolean {
    const spansMax = this.spansMax.get(trace);
    if (spansMax === undefined) return true;
    const count = this.#counts.get(trace) ?? 0;
    if (count === spansMax) {
      this.overLimit++;
      return false;
    }
    this.#counts.set(trace, count + 1);
    return true;
  }
}

/** The row in the trace table of each shared trace, -1 if none of its spans were read. */
function rowsOfShared(columns: SpanColumns, { ranges, sharedTraces }: RowGroupPlan): Int32Array {
  const rows = new Int32Array(sharedTraces).fill(-1);
  for (const { input: { ids }, from, sharedTrace } of ranges) {
    sharedTrace.forEach((number, i) => {
      if (number < 0) return;
      const [w0, w1, w2, w3] = ids.subarray((from + i) * 4, (from + i) * 4 + 4).map(swapBytes);
      rows[number] = columns.traces.find(w0!, w1!, w2!, w3!);
    });
  }
  return rows;
}

/** How many of its spans each shared trace may keep, where that is not all of them. */
function spansThatFit(
  columns: SpanColumns,
  traceRows: Int32Array,
  bytesMax: number,
): Map<number, number> {
  const numberOf = new Int32Array(columns.traces.length).fill(-1);
  traceRows.forEach((row, number) => {
    if (row >= 0) numberOf[row] = number;
  });
  const bytes = new Float64Array(traceRows.length);
  const fitting = new Int32Array(traceRows.length);
  const tooLarge = new Map<number, number>();
  for (let row = 0; row < columns.length; row++) {
    const number = numberOf[columns.trace[row]!]!;
    if (number < 0) continue;
    bytes[number]! += spanBytes(columns, row);
    if (bytes[number]! <= bytesMax || fitting[number] === 0) fitting[number]!++;
    else tooLarge.set(number, fitting[number]!);
  }
  return tooLarge;
}

/** A trace that is put together again is ordered by start and id, as Tempo does; others stay. */
function byStart(columns: SpanColumns, combined: ReadonlySet<number>): OrderSpans {
  const { startUnixNano, spanId } = columns;
  const difference = (words: Uint32Array, a: number, b: number) => words[a]! - words[b]!;
  return (trace, rows) => {
    if (!combined.has(trace)) return;
    rows.sort((a, b) =>
      difference(startUnixNano, a * 2 + 1, b * 2 + 1) || difference(startUnixNano, a * 2, b * 2) ||
      swapBytes(spanId[a * 2]!) - swapBytes(spanId[b * 2]!) ||
      swapBytes(spanId[a * 2 + 1]!) - swapBytes(spanId[b * 2 + 1]!) || a - b
    );
  };
}

function swapBytes(word: number): number {
  return (word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24) >>> 0;
}
