// Writes SpanColumns as the data.parquet of a block, column by column: the schema says which columns
// there are and in which order, and the table at the end what goes into a column of that name.
// Pages of all columns are cut at the same traces (stripes), so one row range is one page everywhere.
// Format: docs/formats/block.md. Bench: block_writer_bench.ts.

import { invariant } from "../../lib/invariant.ts";
import type { AttributeColumns } from "../../model/attribute_columns.ts";
import { type NestedSets, nestedSets } from "../../model/nested_set.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces, type TraceLayout } from "../../model/trace_layout.ts";
import { summarizeTraces, type TraceSummaries } from "../../model/trace_summary.ts";
import type { Compressor } from "../parquet/compress.ts";
import {
  type FooterChecksums,
  MAGIC,
  parquetFooter,
  type WrittenRowGroup,
} from "../parquet/footer.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import { attributeListColumns } from "./attribute_list_columns.ts";
import { BlockLists } from "./block_lists.ts";
import { ChunkOutput, type Steps } from "./chunk_output.ts";
import { type BlockSchema } from "./block_schema.ts";
import { dedicatedColumn } from "./dedicated_writer.ts";
import { idColumn, traceIdColumn, traceIdTextColumn } from "./id_columns.ts";
import { deltaColumn, deltaInOrderColumn, plainColumn } from "./number_columns.ts";
import type { Leaf, OwnLeaf } from "./schema.ts";
import { StringColumns } from "./string_columns.ts";
import { TimeColumns } from "./time_columns.ts";

export interface WrittenBlock {
  readonly sizeBytes: number;
  readonly footerBytes: number;
  readonly traces: number;
  readonly checksums: FooterChecksums;
}

/** Writes a block row group by row group; trace ids must ascend from one to the next. */
export class BlockDataWriter {
  readonly #rowGroups: WrittenRowGroup[] = [];
  readonly #output: ChunkOutput;

  /** `sink` takes the bytes before it returns. */
  constructor(
    readonly schema: BlockSchema,
    compressor: Compressor,
    sink: (bytes: Uint8Array) => void,
  ) {
    this.#output = new ChunkOutput(schema.leaves, compressor, sink);
    this.#output.emit(MAGIC);
  }

  writeRowGroup(columns: SpanColumns): void {
    for (const _ of this.rowGroup(columns, layoutTraces(columns)));
  }

  /** The same in steps, of the traces of a layout. */
  *rowGroup(columns: SpanColumns, layout: TraceLayout): Steps {
    const output = this.#output;
    const sets = nestedSets(columns, layout);
    yield layout.order.length;
    const summaries = summarizeTraces(columns, layout);
    yield layout.order.length;
    const lists = new BlockLists(columns, layout, summaries.statsStart);
    yield lists.spanAttributes.length;
    output.startRowGroup(lists.traces);
    const rowGroup = new RowGroupColumns(output, columns, layout, sets, summaries, lists);
    for (const leaf of this.schema.leaves) yield* rowGroup.column(leaf);
    this.endRowGroup();
  }

  /** Where to put the columns of a row group that comes from elsewhere, in the order of the schema. */
  get output(): ChunkOutput {
    return this.#output;
  }

  /** After the last column that was put into `output`. */
  endRowGroup(): void {
    this.#rowGroups.push(this.#output.endRowGroup());
  }

  finish(): WrittenBlock {
    const footer = parquetFooter(this.schema.root, this.#rowGroups, this.#output.fileOffset);
    this.#output.emit(footer.bytes);
    const traces = this.#rowGroups.reduce((total, { rows }) => total + rows, 0);
    const sizeBytes = this.#output.fileOffset;
    const { metadataBytes: footerBytes, checksums } = footer;
    return { sizeBytes, footerBytes, traces, checksums };
  }
}

type WriteColumn = (leaf: Leaf) => Steps;

class RowGroupColumns {
  readonly #strings: StringColumns;
  readonly #times: TimeColumns;
  readonly #byName: ReadonlyMap<string, WriteColumn>;

  constructor(
    readonly output: ChunkOutput,
    readonly columns: SpanColumns,
    readonly layout: TraceLayout,
    readonly sets: NestedSets,
    readonly summaries: TraceSummaries,
    readonly lists: BlockLists,
  ) {
    this.#strings = new StringColumns(output, columns.strings);
    this.#times = new TimeColumns(output, columns, layout.order);
    this.#byName = new Map([
      ...within("", this.#traces()),
      ...within("rs.Resource.", this.#resources()),
      ...within("rs.ss.Scope.", this.#scopes()),
      ...within("rs.ss.Spans.", this.#spans()),
      ...within("rs.ss.Spans.Events.", this.#events()),
      ...within("rs.ss.Spans.Links.", this.#links()),
    ]);
  }

  column(leaf: Leaf): Steps {
    if (leaf.own !== undefined) return this.#own(leaf, leaf.own);
    const write = this.#byName.get(leaf.column);
    invariant(write !== undefined, `nobody knows what goes into ${leaf.column}`);
    return write(leaf);
  }

  #own(leaf: Leaf, own: OwnLeaf): Steps {
    const { columns, lists } = this;
    const { list, owners, arrays } = {
      resource: {
        list: lists.resources,
        owners: columns.resources,
        arrays: lists.resourceArrays,
      },
      span: { list: lists.spans, owners: columns, arrays: lists.spanArrays },
      event: { list: lists.events, owners: columns.events, arrays: lists.eventArrays },
    }[own.scope];
    return dedicatedColumn(this.#strings, leaf, own, list, owners, arrays);
  }

  #traces(): Record<string, WriteColumn> {
    const { output, summaries } = this;
    const { traces, serviceStats: stats, scopes, scopeSpanCounts } = this.lists;
    const { startUnixNano: start, endUnixNano: end } = summaries;
    const strings = this.#strings;
    const times = this.#times;
    const ids = this.#sortedTraceIds();
    const statsService: WriteColumn = (leaf) => strings.column(leaf, stats, summaries.statsService);
    return {
      TraceID: (leaf) => traceIdColumn(output, leaf, traces, ids),
      TraceIDText: (leaf) => traceIdTextColumn(output, leaf, traces, ids),
      StartTimeUnixNano: (leaf) => times.column(leaf, traces, start),
      EndTimeUnixNano: (leaf) => times.column(leaf, traces, end),
      DurationNano: (leaf) => times.differences(leaf, traces, start, end),
      RootServiceName: (leaf) => strings.column(leaf, traces, summaries.rootService),
      RootSpanName: (leaf) => strings.column(leaf, traces, summaries.rootName),
      "ServiceStats.ServiceName": statsService,
      "ServiceStats.key": statsService,
      "ServiceStats.SpanCount": (leaf) => deltaColumn(output, leaf, stats, summaries.statsSpans),
      "ServiceStats.ErrorCount": (leaf) => deltaColumn(output, leaf, stats, summaries.statsErrors),
      "rs.ss.SpanCount": (leaf) => deltaInOrderColumn(output, leaf, scopes, scopeSpanCounts),
    };
  }

  /** Four words per trace, in the order of the layout. */
  #sortedTraceIds(): Uint32Array {
    const { words } = this.columns.traces;
    const { traces } = this.layout;
    const sorted = new Uint32Array(traces.length * 4);
    for (let i = 0; i < sorted.length; i++) sorted[i] = words[traces[i >> 2]! * 4 + (i & 3)]!;
    return sorted;
  }

  #resources(): Record<string, WriteColumn> {
    const { output, columns: { resources } } = this;
    const { resources: list, resourceAttributes } = this.lists;
    const strings = this.#strings;
    return {
      ServiceName: (leaf) => strings.column(leaf, list, resources.serviceName),
      ...this.#attributes(resourceAttributes, resources.attributes),
      DroppedAttributesCount: (leaf) =>
        deltaColumn(output, leaf, list, resources.droppedAttributes),
    };
  }

  #scopes(): Record<string, WriteColumn> {
    const { output, columns: { scopes } } = this;
    const { scopes: list, scopeAttributes } = this.lists;
    const strings = this.#strings;
    return {
      Name: (leaf) => strings.column(leaf, list, scopes.name),
      Version: (leaf) => strings.column(leaf, list, scopes.version),
      ...this.#attributes(scopeAttributes, scopes.attributes),
      DroppedAttributesCount: (leaf) => deltaColumn(output, leaf, list, scopes.droppedAttributes),
    };
  }

  #spans(): Record<string, WriteColumn> {
    const { output, columns, sets } = this;
    const { spans: list, spanAttributes } = this.lists;
    const strings = this.#strings;
    const times = this.#times;
    const odd = columns.oddities.parentIds;
    const rounded = (seconds: number): WriteColumn => (leaf) =>
      times.roundedStarts(leaf, list, seconds);
    return {
      SpanID: (leaf) => idColumn(output, leaf, list, columns.spanId, 8),
      ParentSpanID: (leaf) => idColumn(output, leaf, list, columns.parentId, 8, odd),
      ParentID: (leaf) => deltaInOrderColumn(output, leaf, list, sets.parent),
      NestedSetLeft: (leaf) => deltaInOrderColumn(output, leaf, list, sets.left),
      NestedSetRight: (leaf) => deltaInOrderColumn(output, leaf, list, sets.right),
      ChildCount: (leaf) => deltaInOrderColumn(output, leaf, list, sets.childCount),
      Name: (leaf) => strings.column(leaf, list, columns.name),
      Kind: (leaf) => deltaColumn(output, leaf, list, columns.kind),
      TraceState: (leaf) => strings.column(leaf, list, columns.traceState),
      StartTimeUnixNano: (leaf) => times.column(leaf, list, columns.startUnixNano),
      DurationNano: (leaf) => times.durations(leaf, list),
      StatusCode: (leaf) => deltaColumn(output, leaf, list, columns.statusCode),
      StatusMessage: (leaf) => strings.column(leaf, list, columns.statusMessage),
      ...this.#attributes(spanAttributes, columns.attributes),
      DroppedAttributesCount: (leaf) => deltaColumn(output, leaf, list, columns.droppedAttributes),
      DroppedEventsCount: (leaf) => plainColumn(output, leaf, list, columns.droppedEvents),
      DroppedLinksCount: (leaf) => plainColumn(output, leaf, list, columns.droppedLinks),
      StartTimeRounded15: rounded(15),
      StartTimeRounded60: rounded(60),
      StartTimeRounded300: rounded(300),
      StartTimeRounded3600: rounded(3600),
    };
  }

  #events(): Record<string, WriteColumn> {
    const { output, columns: { events } } = this;
    const { events: list, eventAttributes } = this.lists;
    return {
      TimeSinceStartNano: (leaf) => this.#times.sinceStarts(leaf, list),
      Name: (leaf) => this.#strings.column(leaf, list, events.name),
      ...this.#attributes(eventAttributes, events.attributes),
      DroppedAttributesCount: (leaf) => deltaColumn(output, leaf, list, events.droppedAttributes),
    };
  }

  #links(): Record<string, WriteColumn> {
    const { output, columns: { links } } = this;
    const { links: list, linkAttributes } = this.lists;
    return {
      TraceID: (leaf) => idColumn(output, leaf, list, links.traceId, 16),
      SpanID: (leaf) => idColumn(output, leaf, list, links.spanId, 8),
      TraceState: (leaf) => this.#strings.column(leaf, list, links.traceState),
      ...this.#attributes(linkAttributes, links.attributes),
      DroppedAttributesCount: (leaf) => deltaColumn(output, leaf, list, links.droppedAttributes),
    };
  }

  #attributes(list: ListLevels, pool: AttributeColumns): Record<string, WriteColumn> {
    const columns = Object.entries(attributeListColumns(this.#strings, list, pool));
    return Object.fromEntries(columns.map(([name, write]) => [`Attrs.${name}`, write]));
  }
}

function within(path: string, columns: Record<string, WriteColumn>): [string, WriteColumn][] {
  return Object.entries(columns).map(([name, write]) => [path + name, write]);
}
