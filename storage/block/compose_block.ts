// Writes one block of the traces of several, row group by row group. Most traces lie in one block only:
// their rows are copied column by column (copy_columns.ts). The others are read as spans
// (span_traces.ts) and written by the ordinary writer into a file in memory of one row group, which is
// then one more input of the copy.
//
//   plan ─▶ rows to copy ────────────────────────────────▶ copy ─▶ row group
//      └──▶ traces of several blocks ─▶ spans ─▶ small file ─┘
//
// Rules: meta.json comes last; after each step of some ten milliseconds `pause` is awaited. Memory is that
// of one column of one row group besides its bytes as they lie in the inputs, whatever the size of blocks.
// Measure: bench/merge_blocks.ts.

import {
  type BlockFormat,
  type BlockMeta,
  bloomKey,
  dataKey,
  indexKey,
  metaKey,
} from "../../model/block_meta.ts";
import { dedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { TraceLayout } from "../../model/trace_layout.ts";
import { closerCompressorOf, compressorOf } from "../parquet/compress.ts";
import { type Column, emptyColumn } from "../parquet/column.ts";
import { check } from "../../lib/errors.ts";
import { physicalType } from "../parquet/footer.ts";
import { ParquetFile } from "../parquet/file.ts";
import { sealedMeta } from "../meta_json.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { blockSchema } from "./block_schema.ts";
import { blamed, type Block } from "./block.ts";
import type { BlockOptions } from "./block_options.ts";
import { TraceIdBloom } from "./bloom.ts";
import { ColumnCopier } from "./copy_columns.ts";
import { DictionaryShelf, InputRows } from "./input_rows.ts";
import { COPIED, planMerge, type RowGroupPlan } from "./merge_plan.ts";
import { RowRuns } from "./row_runs.ts";
import { BlockDataWriter } from "./row_group_writer.ts";
import { type Leaf, Repetition } from "./schema.ts";
import type { SourceColumn } from "./source_column.ts";
import { SpanTraces, swapBytes } from "./span_traces.ts";

export interface ComposeRequest extends BlockOptions {
  /** Of a trace that lies in several blocks; 0: no limit. */
  readonly bytesPerTraceMax: number;
  /** Traces that are left out, as 32 hex digits. */
  readonly dropTraceIds: ReadonlySet<string>;
  /** What the new block says of itself besides what is counted. */
  readonly identity: BlockIdentity;
  /** False: everything is read as spans. For comparison. */
  readonly canCopy?: boolean;
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

/** A hundred nanoseconds each where spans are written, twenty where they are copied. */
const ENTRIES_PER_STEP = 100_000;
const COPIED_PER_STEP = 400_000;
const BLOOM_IDS_PER_STEP = 2000;
/** Of the inputs at hand. */
const DICTIONARY_BYTES_MAX = 64 << 20;
const encoder = new TextEncoder();

export async function composeBlock(
  store: ObjectStore,
  blocks: readonly Block[],
  request: ComposeRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<ComposeCounts & { readonly meta: BlockMeta }> {
  const { identity } = request;
  const { tenantID, blockID } = identity;
  const composition = new Composition(store, request, blocks, async () => {
    await pause();
    signal.throwIfAborted();
  });
  const { data, bloom, lastIds, traces, counts } = await composition.run();
  const blooms = bloom.files();
  for (const [shard, file] of blooms.entries()) {
    await store.write(bloomKey(tenantID, blockID, shard), file, { signal });
  }
  const writeJson = (key: string, value: unknown) =>
    store.write(key, encoder.encode(JSON.stringify(value)), { signal });
  await writeJson(indexKey(tenantID, blockID), { rowGroups: lastIds });
  const meta = sealedMeta(
    {
      format: identity.format,
      blockID,
      tenantID,
      startTime: identity.startTime,
      endTime: identity.endTime,
      totalObjects: traces,
      size: data.sizeBytes,
      compactionLevel: identity.compactionLevel,
      indexPageSize: 0,
      totalRecords: lastIds.length,
      bloomShards: blooms.length,
      footerSize: data.footerBytes,
      dedicatedColumns: identity.dedicatedColumns ?? [],
      replicationFactor: identity.replicationFactor,
      ...identity.replaces && { replaces: identity.replaces },
    },
    blooms,
    data.checksums,
  );
  await writeJson(metaKey(tenantID, blockID), meta);
  return { meta, ...counts };
}

class Composition {
  readonly #writer: BlockDataWriter;
  readonly #spanTraces: SpanTraces;
  readonly #copier: ColumnCopier;
  readonly #shelf = new DictionaryShelf(DICTIONARY_BYTES_MAX);
  readonly #bloom: TraceIdBloom;
  readonly #pending: Uint8Array[] = [];
  readonly #lastIds: string[] = [];
  /** Memory of the columns being read and of those before, which take turns. */
  #columns: Column[] = [];
  #columnsBefore: Column[] = [];
  #traces = 0;
  #spans = 0;

  constructor(
    readonly store: ObjectStore,
    readonly request: ComposeRequest,
    readonly blocks: readonly Block[],
    readonly step: () => Promise<void>,
  ) {
    const { codec, identity, bytesPerTraceMax } = request;
    const dedicated = dedicatedAttributes(identity.dedicatedColumns ?? [], identity.format);
    this.#spanTraces = new SpanTraces(blocks, dedicated, bytesPerTraceMax, step);
    this.#writer = new BlockDataWriter(
      blockSchema(dedicated),
      closerCompressorOf(codec),
      (bytes) => this.#pending.push(bytes.slice()),
    );
    this.#copier = new ColumnCopier(this.#writer.output, new RowRuns());
    // Made before the traces are known, hence as large as if none lay in two blocks.
    const rows = blocks.flatMap(({ rowGroups }) => rowGroups.map((group) => group.rows));
    const tracesMax = rows.reduce((sum, count) => sum + count, 0);
    this.#bloom = new TraceIdBloom(Math.max(1, tracesMax), request.bloom);
  }

  async run() {
    const { tenantID, blockID } = this.request.identity;
    const object = await this.store.openWriter(dataKey(tenantID, blockID));
    const flush = async () => {
      if (this.#pending.length > 0) await object.write(joined(this.#pending.splice(0)));
    };
    try {
      const canCopy = this.request.canCopy ?? true;
      const { leaves } = this.#writer.schema;
      const isCopied = this.blocks.map(({ file }) => canCopy && hasSchema(file, leaves));
      const plans = planMerge(this.blocks, {
        ...this.request,
        isCopied: (block) => isCopied[block]!,
      });
      for await (const plan of plans) await this.#rowGroup(plan, flush);
      check(this.#traces > 0, "blocks without spans", 0);
      const data = this.#writer.finish();
      await flush();
      await this.step();
      await object.close();
      const { tracesCombined, spansDeduplicated, spansOverLimit } = this.#spanTraces;
      return {
        data,
        bloom: this.#bloom,
        lastIds: this.#lastIds,
        traces: this.#traces,
        counts: { tracesCombined, spansDeduplicated, spansOverLimit, spans: this.#spans },
      };
    } catch (error) {
      await object.abort();
      throw error;
    }
  }

  async #rowGroup(plan: RowGroupPlan, flush: () => Promise<void>): Promise<void> {
    const rows = await this.#fetch(plan);
    let layout: TraceLayout | undefined;
    if (plan.isShared.length > 0) {
      layout = await this.#spanTraces.read(plan, rows);
      if (layout.traces.length === 0) layout = undefined;
      else this.#spans += this.#spanTraces.columns.length;
    }
    if (plan.hasCopies) await this.#copy(plan, rows, layout, flush);
    else if (layout !== undefined) await this.#write(layout, flush);
    await this.step();
  }

  /** The bytes of all rows that are not left out, by range. */
  #fetch({ ranges }: RowGroupPlan): Promise<InputRows[]> {
    this.#shelf.retain(new Set(ranges.map(({ input }) => input.group)));
    return Promise.all(ranges.map(({ input, from, to }) => {
      const { file, meta } = this.blocks[input.block]!;
      return blamed(meta, () => InputRows.fetch(file, input.group, from, to, this.#shelf));
    }));
  }

  /** A row group of nothing but spans. */
  async #write(layout: TraceLayout, flush: () => Promise<void>): Promise<void> {
    let entries = 0;
    for (const written of this.#writer.rowGroup(this.#spanTraces.columns, layout)) {
      entries += written;
      if (entries < ENTRIES_PER_STEP) continue;
      entries = 0;
      await flush();
      await this.step();
    }
    await flush();
    const { traces } = this.#spanTraces.columns;
    const ids = new TraceIds(layout.traces.length);
    for (const trace of layout.traces) ids.push(traces.id(trace));
    await this.#noteTraces(ids);
  }

  async #copy(
    plan: RowGroupPlan,
    rows: readonly InputRows[],
    layout: TraceLayout | undefined,
    flush: () => Promise<void>,
  ): Promise<void> {
    const small = layout && await this.#smallFile(layout);
    const { runs, ids, spans } = orderRows(plan, layout, this.#spanTraces);
    this.#spans += spans;
    const inputs = small ? [...rows, small] : rows;
    const { leaves } = this.#writer.schema;
    const paths = plan.ranges.map(({ input }) => this.#pathsOf(input.block));
    if (small) paths.push([...small.fetched.keys()]);
    this.#copier.startRowGroup(runs);
    const lists = new ListLengths();
    let before: readonly SourceColumn[] = [];
    let entries = 0;
    for (const [at, leaf] of leaves.entries()) {
      const sources: SourceColumn[] = [];
      for (const [i, input] of inputs.entries()) {
        const source = await this.#blamed(
          plan,
          i,
          () => input.column(paths[i]![at]!, this.#memory(i), before[i]),
        );
        entries += source.column.entryCount;
        sources.push(source);
        await this.#blamed(plan, i, () => lists.check(i, leaf, source));
      }
      for (const copied of this.#copier.column(leaf, sources)) {
        entries += copied;
        if (entries < COPIED_PER_STEP) continue;
        entries = 0;
        await flush();
        await this.step();
      }
      before = sources;
      [this.#columns, this.#columnsBefore] = [this.#columnsBefore, this.#columns];
    }
    this.#writer.endRowGroup();
    await flush();
    await this.#noteTraces(ids);
  }

  /** Corruption in the rows of an input, with the name of its block. */
  async #blamed<T>({ ranges }: RowGroupPlan, input: number, work: () => T): Promise<T> {
    const range = ranges[input];
    if (range === undefined) return work(); // the file in memory
    // deno-lint-ignore require-await -- so that what is thrown is a rejection
    return await blamed(this.blocks[range.input.block]!.meta, async () => work());
  }

  #pathsOf(block: number): readonly string[] {
    return this.blocks[block]!.file.metadata.leaves.map(({ path }) => path);
  }

  #memory(source: number): Column {
    return this.#columns[source] ??= emptyColumn();
  }

  /** The spans as the only row group of a file in memory. */
  async #smallFile(layout: TraceLayout): Promise<InputRows> {
    const { columns } = this.#spanTraces;
    const parts: Uint8Array[] = [];
    const writer = new BlockDataWriter(
      this.#writer.schema,
      compressorOf("none"),
      (bytes) => parts.push(bytes.slice()),
    );
    let entries = 0;
    for (const written of writer.rowGroup(columns, layout)) {
      entries += written;
      if (entries < ENTRIES_PER_STEP) continue;
      entries = 0;
      await this.step();
    }
    const { footerBytes } = writer.finish();
    const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    const file = await ParquetFile.open(
      {
        sizeBytes: bytes.length,
        read: (offset, size) => Promise.resolve(bytes.subarray(offset, offset + size)),
      },
      undefined,
      footerBytes,
    );
    const group = file.metadata.rowGroups[0]!;
    return await InputRows.fetch(file, group, 0, group.rows, new DictionaryShelf(0));
  }

  async #noteTraces(ids: TraceIds): Promise<void> {
    for (let i = 0; i < ids.length; i++) {
      this.#bloom.add(ids.at(i));
      if (i % BLOOM_IDS_PER_STEP === BLOOM_IDS_PER_STEP - 1) await this.step();
    }
    this.#lastIds.push(ids.at(ids.length - 1).toBase64());
    this.#traces += ids.length;
  }
}

/** Columns that every element of a list has are equally long: a page may claim to be shorter. */
class ListLengths {
  readonly #known = new Map<string, number>();

  check(input: number, leaf: Leaf, { entryAt }: SourceColumn): void {
    if (leaf.repetition !== Repetition.Required) return;
    const entries = entryAt.at(-1)! - entryAt[0]!;
    const list = `${input} ${leaf.repetitionMax} ${leaf.column.slice(0, -leaf.name.length)}`;
    const known = this.#known.get(list) ?? entries;
    this.#known.set(list, known);
    const isAlike = known === entries;
    check(isAlike, `${leaf.column}: ${entries} entries where columns beside it have ${known}`, 0);
  }
}

/** Columns are many and mostly small: one write for several costs less. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Ids of 16 bytes each, end to end. */
class TraceIds {
  length = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(max: number) {
    this.#bytes = new Uint8Array(max * 16);
    this.#view = new DataView(this.#bytes.buffer);
  }

  push(id: Uint8Array): void {
    this.#bytes.set(id, this.length++ * 16);
  }

  /** Of words that compare as the bytes do. */
  pushWords(words: Uint32Array, row: number): void {
    const at = this.length++ * 16;
    for (let k = 0; k < 4; k++) this.#view.setUint32(at + k * 4, words[row * 4 + k]!);
  }

  at(i: number): Uint8Array {
    return this.#bytes.subarray(i * 16, i * 16 + 16);
  }
}

/** The rows of a row group in their order; those that were read as spans are the last source. */
function orderRows(
  plan: RowGroupPlan,
  layout: TraceLayout | undefined,
  { columns }: SpanTraces,
): { runs: RowRuns; ids: TraceIds; spans: number } {
  const runs = new RowRuns();
  const ids = new TraceIds(plan.order.length);
  const next = new Int32Array(plan.ranges.length);
  const readIds = layout && idsOfRead(plan);
  const small = plan.ranges.length;
  let smallRow = 0;
  let number = 0;
  let spans = 0;
  for (const range of plan.order) {
    if (range >= 0) {
      const { input, from, trace } = plan.ranges[range]!;
      while (trace[next[range]!] !== COPIED) next[range]!++;
      const row = next[range]!++;
      runs.push(range, row, input.spanCounts[from + row]!);
      ids.pushWords(input.ids, from + row);
      spans += input.spanCounts[from + row]!;
      continue;
    }
    const own = number++;
    if (layout === undefined || readIds === undefined || smallRow === layout.traces.length) {
      continue;
    }
    // A trace of which no span remains has no row in the file.
    const traceRow = layout.traces[smallRow]!;
    const { words } = columns.traces;
    if (!readIds.every(own, (k) => swapBytes(words[traceRow * 4 + k]!))) continue;
    ids.push(columns.traces.id(traceRow));
    runs.push(small, smallRow, spansOf(layout, smallRow));
    smallRow++;
  }
  return { runs, ids, spans };
}

/** By number of a trace that was read as spans, where its id stands. */
function idsOfRead({ ranges, isShared }: RowGroupPlan) {
  const words = new Uint32Array(isShared.length * 4);
  for (const { input: { ids }, from, trace } of ranges) {
    trace.forEach((number, i) => {
      if (number >= 0) words.set(ids.subarray((from + i) * 4, (from + i) * 4 + 4), number * 4);
    });
  }
  return {
    every: (number: number, wordOf: (k: number) => number) =>
      [0, 1, 2, 3].every((k) => words[number * 4 + k] === wordOf(k)),
  };
}

function spansOf({ traceStart, resourceStart, scopeStart }: TraceLayout, trace: number): number {
  const firstSpan = (at: number) => scopeStart[resourceStart[traceStart[at]!]!]!;
  return firstSpan(trace + 1) - firstSpan(trace);
}

/** Whether the columns of a file are those of a schema, so that its rows can be copied. */
function hasSchema({ metadata }: ParquetFile, leaves: readonly Leaf[]): boolean {
  if (metadata.leaves.length !== leaves.length) return false;
  return leaves.every(({ column, type, repetitionMax, definitionMax }, i) => {
    const own = metadata.leaves[i]!;
    return own.path === column && own.type === physicalType[type] &&
      own.repetitionMax === repetitionMax && own.definitionMax === definitionMax;
  });
}
