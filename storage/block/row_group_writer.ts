// Writes SpanColumns as the data.parquet of a vParquet5 block, column by column in schema order.
// Pages of all columns are cut at the same traces (stripes), so one row range is one page everywhere.
// Format: docs/formats/block.md. Bench: block_writer_bench.ts.

import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { type NestedSets, nestedSets } from "../../model/nested_set.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces, type TraceLayout } from "../../model/trace_layout.ts";
import { summarizeTraces, type TraceSummaries } from "../../model/trace_summary.ts";
import type { Compressor } from "../parquet/compress.ts";
import { MAGIC, parquetFooter, type WrittenRowGroup } from "../parquet/footer.ts";
import { attributeListColumns } from "./attribute_list_columns.ts";
import { BlockLists } from "./block_lists.ts";
import { ChunkOutput, type Steps } from "./chunk_output.ts";
import { dedicatedIntColumn, dedicatedStringColumn } from "./dedicated_writer.ts";
import { idColumn, traceIdColumn, traceIdTextColumn } from "./id_columns.ts";
import { deltaColumn, deltaInOrderColumn, plainColumn } from "./number_columns.ts";
import { type Group, leavesOf, vparquet5Schema } from "./schema.ts";
import { StringColumns } from "./string_columns.ts";
import { TimeColumns } from "./time_columns.ts";

export interface WrittenBlock {
  readonly sizeBytes: number;
  readonly footerBytes: number;
  readonly traces: number;
}

/** Writes a block row group by row group; trace ids must ascend from one to the next. */
export class Vparquet5Writer {
  readonly #schema: Group;
  readonly #rowGroups: WrittenRowGroup[] = [];
  readonly #output: ChunkOutput;

  /** `sink` takes the bytes before it returns. */
  constructor(
    dedicated: DedicatedAttributes,
    compressor: Compressor,
    sink: (bytes: Uint8Array) => void,
  ) {
    this.#schema = vparquet5Schema(dedicated);
    this.#output = new ChunkOutput(leavesOf(this.#schema), compressor, sink);
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
    yield* new RowGroupColumns(output, columns, layout, sets, summaries, lists).all();
    this.#rowGroups.push(output.endRowGroup());
  }

  finish(): WrittenBlock {
    const footer = parquetFooter(this.#schema, this.#rowGroups, this.#output.fileOffset);
    this.#output.emit(footer.bytes);
    const traces = this.#rowGroups.reduce((total, { rows }) => total + rows, 0);
    const sizeBytes = this.#output.fileOffset;
    return { sizeBytes, footerBytes: footer.metadataBytes, traces };
  }
}

class RowGroupColumns {
  readonly #strings: StringColumns;
  readonly #times: TimeColumns;

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
  }

  *all(): Steps {
    const { output, lists } = this;
    yield* this.#traces();
    yield* this.#resources();
    yield* this.#scopes();
    yield* this.#spans();
    yield* deltaInOrderColumn(output, "rs.ss.SpanCount", lists.scopes, lists.scopeSpanCounts);
  }

  *#traces(): Steps {
    const { output, summaries } = this;
    const { traces, serviceStats: stats } = this.lists;
    const { startUnixNano: start, endUnixNano: end } = summaries;
    const strings = this.#strings;
    const times = this.#times;
    const ids = this.#sortedTraceIds();
    yield* traceIdColumn(output, "TraceID", traces, ids);
    yield* traceIdTextColumn(output, "TraceIDText", traces, ids);
    yield* times.column("StartTimeUnixNano", traces, start);
    yield* times.column("EndTimeUnixNano", traces, end);
    yield* times.differences("DurationNano", traces, start, end);
    yield* strings.column("RootServiceName", traces, summaries.rootService);
    yield* strings.column("RootSpanName", traces, summaries.rootName);
    yield* strings.column("ServiceStats.ServiceName", stats, summaries.statsService);
    yield* deltaColumn(output, "ServiceStats.SpanCount", stats, summaries.statsSpans);
    yield* deltaColumn(output, "ServiceStats.ErrorCount", stats, summaries.statsErrors);
  }

  /** Four words per trace, in the order of the layout. */
  #sortedTraceIds(): Uint32Array {
    const { words } = this.columns.traces;
    const { traces } = this.layout;
    const sorted = new Uint32Array(traces.length * 4);
    for (let i = 0; i < sorted.length; i++) sorted[i] = words[traces[i >> 2]! * 4 + (i & 3)]!;
    return sorted;
  }

  *#resources(): Steps {
    const { resources } = this.columns;
    const { resources: list, resourceAttributes, resourceArrays } = this.lists;
    const { attributes } = resources;
    const strings = this.#strings;
    const path = "rs.Resource.";
    yield* strings.column(path + "ServiceName", list, resources.serviceName);
    yield* attributeListColumns(strings, path + "Attrs", resourceAttributes, attributes);
    const dropped = resources.droppedAttributes;
    yield* deltaColumn(this.output, path + "DroppedAttributesCount", list, dropped);
    for (const [slot, codes] of resources.dedicatedStrings.entries()) {
      const arrays = resourceArrays.strings[slot]!;
      yield* dedicatedStringColumn(strings, list, codes, arrays, attributes);
    }
  }

  *#scopes(): Steps {
    const { scopes } = this.columns;
    const { scopes: list, scopeAttributes } = this.lists;
    const strings = this.#strings;
    const path = "rs.ss.Scope.";
    yield* strings.column(path + "Name", list, scopes.name);
    yield* strings.column(path + "Version", list, scopes.version);
    yield* attributeListColumns(strings, path + "Attrs", scopeAttributes, scopes.attributes);
    const dropped = scopes.droppedAttributes;
    yield* deltaColumn(this.output, path + "DroppedAttributesCount", list, dropped);
  }

  *#spans(): Steps {
    const { output, columns, sets } = this;
    const { spans: list, spanAttributes, spanArrays } = this.lists;
    const { attributes, oddities } = columns;
    const strings = this.#strings;
    const times = this.#times;
    const path = "rs.ss.Spans.";
    yield* idColumn(output, path + "SpanID", list, columns.spanId, 8);
    const odd = oddities.parentIds;
    yield* idColumn(output, path + "ParentSpanID", list, columns.parentId, 8, odd);
    yield* deltaInOrderColumn(output, path + "ParentID", list, sets.parent);
    yield* deltaInOrderColumn(output, path + "NestedSetLeft", list, sets.left);
    yield* deltaInOrderColumn(output, path + "NestedSetRight", list, sets.right);
    yield* deltaInOrderColumn(output, path + "ChildCount", list, sets.childCount);
    yield* strings.column(path + "Name", list, columns.name);
    yield* deltaColumn(output, path + "Kind", list, columns.kind);
    yield* strings.column(path + "TraceState", list, columns.traceState);
    yield* times.column(path + "StartTimeUnixNano", list, columns.startUnixNano);
    yield* times.durations(path + "DurationNano", list);
    yield* deltaColumn(output, path + "StatusCode", list, columns.statusCode);
    yield* strings.column(path + "StatusMessage", list, columns.statusMessage);
    yield* attributeListColumns(strings, path + "Attrs", spanAttributes, attributes);
    const dropped = columns.droppedAttributes;
    yield* deltaColumn(output, path + "DroppedAttributesCount", list, dropped);
    yield* this.#events();
    yield* plainColumn(output, path + "DroppedEventsCount", list, columns.droppedEvents);
    yield* this.#links();
    yield* plainColumn(output, path + "DroppedLinksCount", list, columns.droppedLinks);
    for (const [slot, codes] of columns.dedicatedStrings.entries()) {
      const arrays = spanArrays.strings[slot]!;
      yield* dedicatedStringColumn(strings, list, codes, arrays, attributes);
    }
    for (const [slot, ints] of columns.dedicatedInts.entries()) {
      yield* dedicatedIntColumn(output, list, ints, spanArrays.ints[slot]!, attributes);
    }
    for (const seconds of [15, 60, 300, 3600]) yield* times.roundedStarts(list, seconds);
  }

  *#events(): Steps {
    const { events } = this.columns;
    const { events: list, eventAttributes } = this.lists;
    const path = "rs.ss.Spans.Events.";
    yield* this.#times.sinceStarts(path + "TimeSinceStartNano", list);
    yield* this.#strings.column(path + "Name", list, events.name);
    yield* attributeListColumns(this.#strings, path + "Attrs", eventAttributes, events.attributes);
    const dropped = events.droppedAttributes;
    yield* deltaColumn(this.output, path + "DroppedAttributesCount", list, dropped);
  }

  *#links(): Steps {
    const { links } = this.columns;
    const { links: list, linkAttributes } = this.lists;
    const path = "rs.ss.Spans.Links.";
    yield* idColumn(this.output, path + "TraceID", list, links.traceId, 16);
    yield* idColumn(this.output, path + "SpanID", list, links.spanId, 8);
    yield* this.#strings.column(path + "TraceState", list, links.traceState);
    yield* attributeListColumns(this.#strings, path + "Attrs", linkAttributes, links.attributes);
    const dropped = links.droppedAttributes;
    yield* deltaColumn(this.output, path + "DroppedAttributesCount", list, dropped);
  }
}
