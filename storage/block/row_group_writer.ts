// Writes SpanColumns as the data.parquet of a vParquet5 block, column by column.
// Rule: a string is never looked at, only its code: per column, `#localOf` turns table codes into
// dictionary codes, and the bytes are copied once into the dictionary page.
// Pages of all columns are cut at the same traces (stripes), so one row range is one page everywhere.
// Spec: ../spec/vparquet.md. Bench: bench/block.ts.

import { AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import { BlockLists } from "./block_lists.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import {
  type ColumnChunk,
  ColumnChunkWriter,
  type Compress,
  type EncodedLevels,
} from "../parquet/column_chunk.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { grown } from "../../lib/growable.ts";
import { encodeLevels, encodeOne, ListLevels } from "../parquet/list_levels.ts";
import { type NestedSets, nestedSets } from "../../model/nested_set.ts";
import { bitWidth, encodeDelta, encodeDelta64, encodeRle } from "../parquet/encodings.ts";
import { MAGIC, parquetFooter, type WrittenRowGroup } from "../parquet/footer.ts";
import {
  type NanoBase,
  nanoBase,
  relativeNano,
  type SpanColumns,
} from "../../model/span_columns.ts";
import { ABSENT, EMPTY_STRING } from "../../model/string_table.ts";
import { layoutTraces, type TraceLayout } from "../../model/trace_layout.ts";
import { summarizeTraces, type TraceSummaries } from "../../model/trace_summary.ts";
import { type Group, type Leaf, leavesOf, vparquet5Schema } from "./schema.ts";

export interface WrittenBlock {
  readonly sizeBytes: number;
  readonly footerBytes: number;
  readonly traces: number;
}

const HOUR_NANO = 3_600_000_000_000n;
const RELATIVE_NANO_MAX = 2 ** 51; // 26 days; beyond, zigzag of a delta would lose its last bit

export function writeVparquet5(
  columns: SpanColumns,
  compress: Compress,
  sink: (bytes: Uint8Array) => void,
): WrittenBlock {
  const writer = new Vparquet5Writer(columns.dedicated, compress, sink);
  writer.writeRowGroup(columns);
  return writer.finish();
}

/** Writes a block row group by row group; trace ids must ascend from one to the next. */
export class Vparquet5Writer {
  readonly #schema: Group;
  readonly #rowGroups: WrittenRowGroup[] = [];
  #fileOffset = 0;

  constructor(
    dedicated: DedicatedAttributes,
    readonly compress: Compress,
    readonly sink: (bytes: Uint8Array) => void,
  ) {
    this.#schema = vparquet5Schema(dedicated);
    this.#emit(MAGIC);
  }

  writeRowGroup(columns: SpanColumns): void {
    for (const _ of this.rowGroup(columns, layoutTraces(columns)));
  }

  /** The same in steps: the caller may do other things between them. */
  *rowGroup(columns: SpanColumns, layout: TraceLayout): Generator<void> {
    const writer = new RowGroupWriter(
      columns,
      layout,
      leavesOf(this.#schema),
      this.compress,
      this.#fileOffset,
      (bytes) => this.#emit(bytes),
    );
    this.#rowGroups.push(yield* writer.write());
  }

  finish(): WrittenBlock {
    const footer = parquetFooter(this.#schema, this.#rowGroups, this.#fileOffset);
    this.#emit(footer.bytes);
    const traces = this.#rowGroups.reduce((total, { rows }) => total + rows, 0);
    return { sizeBytes: this.#fileOffset, footerBytes: footer.metadataBytes, traces };
  }

  #emit(bytes: Uint8Array): void {
    this.sink(bytes);
    this.#fileOffset += bytes.length;
  }
}

class RowGroupWriter {
  #nextLeaf = 0;
  readonly #layout: TraceLayout;
  readonly #sets: NestedSets;
  readonly #summaries: TraceSummaries;
  readonly #lists: BlockLists;
  readonly #baseNano: bigint;
  readonly #base: NanoBase;

  readonly #chunks: ColumnChunk[] = [];
  #fileOffset = 0;
  readonly #chunkBytes = new ByteWriter(1 << 20);
  readonly #values = new ByteWriter(1 << 20);
  readonly #dictionaryBytes = new ByteWriter(1 << 20);
  #codes = new Int32Array(1 << 16);
  #numbers = new Float64Array(1 << 16);
  #definitions = new Uint8Array(1 << 16);
  /** Dictionary code + 1 of a string code in the present column; all zero between columns. */
  readonly #localOf: Int32Array;

  constructor(
    readonly columns: SpanColumns,
    layout: TraceLayout,
    readonly leaves: readonly Leaf[],
    readonly compress: Compress,
    readonly startOffset: number,
    readonly sink: (bytes: Uint8Array) => void,
  ) {
    this.#fileOffset = startOffset;
    this.#layout = layout;
    this.#sets = nestedSets(columns, this.#layout);
    // A multiple of an hour: StartTimeRounded needs whole intervals, and time 0 stays exact.
    this.#baseNano = medianStart(columns) / HOUR_NANO * HOUR_NANO;
    this.#base = nanoBase(this.#baseNano);
    this.#summaries = summarizeTraces(columns, this.#layout, this.#base);
    this.#lists = new BlockLists(columns, this.#layout, this.#summaries.statsStart);
    this.#localOf = new Int32Array(columns.strings.size);
  }

  *write(): Generator<void, WrittenRowGroup> {
    yield;
    this.#writeTraceColumns();
    yield;
    this.#writeResourceColumns();
    this.#writeScopeColumns();
    yield;
    yield* this.#writeSpanColumns();
    this.#delta("rs.ss.SpanCount", this.#lists.scopes, (from, to, out) => {
      for (let i = from; i < to; i++) out[i - from] = this.#lists.scopeSpanCounts[i]!;
      return to - from;
    });
    const rows = this.#layout.traces.length;
    return { chunks: this.#chunks, rows, fileOffset: this.startOffset };
  }

  #writeTraceColumns(): void {
    const { traces, serviceStats } = this.#lists;
    const { start, end, rootService, rootName, statsService, statsSpans, statsErrors } =
      this.#summaries;
    const ids = this.columns.traces.words;
    const sortedTraces = this.#layout.traces;
    this.#ids("TraceID", traces, (trace) => sortedTraces[trace]!, ids, 16);
    this.#boundTraceIds();
    this.#traceIdTexts();
    this.#times("StartTimeUnixNano", traces, (from, to, out) => copyRange(start, from, to, out));
    this.#times("EndTimeUnixNano", traces, (from, to, out) => copyRange(end, from, to, out));
    this.#delta("DurationNano", traces, (from, to, out) => {
      for (let i = from; i < to; i++) out[i - from] = end[i]! - start[i]!;
      return to - from;
    });
    this.#dictionary("RootServiceName", traces, rootService);
    this.#dictionary("RootSpanName", traces, rootName);
    this.#dictionary("ServiceStats.ServiceName", serviceStats, statsService);
    this.#deltaOf("ServiceStats.SpanCount", serviceStats, statsSpans);
    this.#deltaOf("ServiceStats.ErrorCount", serviceStats, statsErrors);
  }

  #writeResourceColumns(): void {
    const { resources } = this.columns;
    const list = this.#lists.resources;
    this.#dictionary("rs.Resource.ServiceName", list, resources.serviceName);
    this.#attributes("rs.Resource.Attrs", this.#lists.resourceAttributes, resources.attributes);
    this.#deltaOf("rs.Resource.DroppedAttributesCount", list, resources.droppedAttributes);
    for (const codes of resources.dedicatedStrings) this.#dedicatedStrings(list, codes);
  }

  #writeScopeColumns(): void {
    const { scopes } = this.columns;
    const list = this.#lists.scopes;
    this.#dictionary("rs.ss.Scope.Name", list, scopes.name);
    this.#dictionary("rs.ss.Scope.Version", list, scopes.version);
    this.#attributes("rs.ss.Scope.Attrs", this.#lists.scopeAttributes, scopes.attributes);
    this.#deltaOf("rs.ss.Scope.DroppedAttributesCount", list, scopes.droppedAttributes);
  }

  *#writeSpanColumns(): Generator<void> {
    const { columns } = this;
    const { spans } = this.#lists;
    const { left, right, parent, childCount } = this.#sets;
    const at = (name: string) => "rs.ss.Spans." + name;
    const same = (row: number) => row;
    this.#ids(at("SpanID"), spans, same, columns.spanId, 8);
    this.#ids(at("ParentSpanID"), spans, same, columns.parentId, 8);
    for (
      const [name, numbers] of [
        ["ParentID", parent],
        ["NestedSetLeft", left],
        ["NestedSetRight", right],
        ["ChildCount", childCount],
      ] as const
    ) this.#delta(at(name), spans, (from, to, out) => copyRange(numbers, from, to, out));
    yield;
    this.#dictionary(at("Name"), spans, columns.name);
    this.#deltaOf(at("Kind"), spans, columns.kind);
    this.#texts(at("TraceState"), spans, columns.traceState);
    this.#times(at("StartTimeUnixNano"), spans, (from, to, out) => {
      for (let i = from; i < to; i++) {
        out[i - from] = relativeNano(columns.startUnixNano, spans.row[i]!, this.#base);
      }
      return to - from;
    });
    this.#deltaOf(at("DurationNano"), spans, columns.durationNano);
    this.#deltaOf(at("StatusCode"), spans, columns.statusCode);
    this.#texts(at("StatusMessage"), spans, columns.statusMessage);
    yield;
    this.#attributes(at("Attrs"), this.#lists.spanAttributes, columns.attributes);
    yield;
    this.#deltaOf(at("DroppedAttributesCount"), spans, columns.droppedAttributes);
    this.#writeEventColumns();
    this.#plainOf(at("DroppedEventsCount"), spans, columns.droppedEvents);
    this.#writeLinkColumns();
    this.#plainOf(at("DroppedLinksCount"), spans, columns.droppedLinks);
    yield;
    for (const codes of columns.dedicatedStrings) {
      this.#dedicatedStrings(spans, codes);
      yield;
    }
    for (const { words, isPresent } of columns.dedicatedInts) {
      this.#optional(spans, isPresent, (row, out) => {
        out.u32(words[row * 2]!);
        out.u32(words[row * 2 + 1]!);
      });
    }
    for (const seconds of [15, 60, 300, 3600]) this.#roundedStarts(spans, seconds);
  }

  #writeEventColumns(): void {
    const { events, startUnixNano, eventStart } = this.columns;
    const list = this.#lists.events;
    const path = "rs.ss.Spans.Events.";
    // Events lie in span order, so their spans are found by walking both.
    const spanOfEvent = new Int32Array(events.length);
    for (let span = 0; span < this.columns.length; span++) {
      for (let i = eventStart[span]!; i < eventStart[span + 1]!; i++) spanOfEvent[i] = span;
    }
    this.#delta(path + "TimeSinceStartNano", list, (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        const row = list.row[i]!;
        if (row < 0) continue;
        out[count++] = relativeNano(events.timeUnixNano, row, this.#base) -
          relativeNano(startUnixNano, spanOfEvent[row]!, this.#base);
      }
      return count;
    });
    this.#dictionary(path + "Name", list, events.name);
    this.#attributes(path + "Attrs", this.#lists.eventAttributes, events.attributes);
    this.#deltaOf(path + "DroppedAttributesCount", list, events.droppedAttributes);
  }

  #writeLinkColumns(): void {
    const { links } = this.columns;
    const list = this.#lists.links;
    const path = "rs.ss.Spans.Links.";
    const same = (row: number) => row;
    this.#ids(path + "TraceID", list, same, links.traceId, 16);
    this.#ids(path + "SpanID", list, same, links.spanId, 8);
    this.#texts(path + "TraceState", list, links.traceState);
    this.#attributes(path + "Attrs", this.#lists.linkAttributes, links.attributes);
    this.#deltaOf(path + "DroppedAttributesCount", list, links.droppedAttributes);
  }

  // ── One method per way of storing a column ──────────────────────────────────────────────────

  #dictionary(path: string, list: ListLevels, codes: Int32Array): void {
    const leaf = this.#take(path);
    this.#dictionaryPages(leaf, list, (stripe) => list.encoded(stripe), (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        const row = list.row[i]!;
        if (row >= 0) out[count++] = codes[row]!;
      }
      return count;
    });
  }

  /** A repeated leaf that holds at most one string per element. */
  #dedicatedStrings(list: ListLevels, codes: Int32Array): void {
    const leaf = this.#takeNext();
    const definitions = this.#definitionsOf(list.length);
    for (let i = 0; i < list.length; i++) {
      definitions[i] = codes[list.row[i]!] === ABSENT ? leaf.definitionMax - 1 : leaf.definitionMax;
    }
    const levels = this.#levelsWith(list, leaf, definitions);
    this.#dictionaryPages(leaf, list, levels, (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        const code = codes[list.row[i]!]!;
        if (code !== ABSENT) out[count++] = code;
      }
      return count;
    });
  }

  #dictionaryPages(
    leaf: Leaf,
    list: Stripes,
    levelsOf: (stripe: number) => EncodedLevels,
    gather: (from: number, to: number, out: Int32Array) => number,
  ): void {
    const { strings } = this.columns;
    const localOf = this.#localOf;
    const dictionary = this.#dictionaryBytes;
    dictionary.clear();
    const used: number[] = [];
    const stripes = list.stripeStart.length;
    const stripeEnds: number[] = [];
    if (this.#codes.length < list.length) this.#codes = grown(this.#codes, list.length);
    const codes = this.#codes;
    let length = 0;
    for (let stripe = 0; stripe < stripes; stripe++) {
      const end = length +
        gather(list.stripeStart[stripe]!, list.stripeEnd(stripe), codes.subarray(length));
      for (let i = length; i < end; i++) {
        const code = codes[i]! === ABSENT ? EMPTY_STRING : codes[i]!;
        let local = localOf[code]!;
        if (local === 0) {
          local = used.push(code);
          localOf[code] = local;
          const size = strings.byteLength(code);
          dictionary.u32(size);
          dictionary.reserve(size);
          strings.copyTo(code, dictionary.bytes, dictionary.length);
          dictionary.length += size;
        }
        codes[i] = local - 1;
      }
      length = end;
      stripeEnds.push(end);
    }
    for (const code of used) localOf[code] = 0;

    const chunk = this.#chunk(leaf);
    chunk.dictionary(dictionary, used.length);
    const width = Math.max(1, bitWidth(used.length - 1));
    for (let stripe = 0; stripe < stripes; stripe++) {
      const from = stripe === 0 ? 0 : stripeEnds[stripe - 1]!;
      const to = stripeEnds[stripe]!;
      this.#values.clear();
      this.#values.u8(width);
      encodeRle(this.#values, codes, from, to, width);
      this.#page(chunk, stripe, levelsOf(stripe), to - from);
    }
    this.#finish(chunk);
  }

  #deltaOf(path: string, list: ListLevels, source: Int32Array | Uint8Array | Float64Array): void {
    this.#delta(path, list, (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        const row = list.row[i]!;
        if (row >= 0) out[count++] = source[row]!;
      }
      return count;
    });
  }

  #delta(path: string, list: ListLevels, gather: Gather, base = 0n): void {
    this.#pages(this.#take(path), list, (from, to) => {
      const numbers = this.#numbersOf(to - from);
      const count = gather(from, to, numbers);
      this.#putDelta(numbers.subarray(0, count), base);
      return count;
    });
  }

  #times(path: string, list: ListLevels, gather: Gather): void {
    this.#delta(path, list, gather, this.#baseNano);
  }

  /** One absurd time makes differences that a number cannot hold, and would spoil its neighbours. */
  #putDelta(numbers: Float64Array, base: bigint): void {
    let isExact = true;
    for (let i = 0; i < numbers.length; i++) {
      if (Math.abs(numbers[i]!) > RELATIVE_NANO_MAX) isExact = false;
    }
    if (isExact) encodeDelta(this.#values, numbers, 0, numbers.length, base);
    else {
      const exact = BigInt64Array.from(numbers, (value) => base + BigInt(value));
      encodeDelta64(this.#values, exact);
    }
  }

  #roundedStarts(list: ListLevels, seconds: number): void {
    const leaf = this.#takeNext();
    const intervalNano = seconds * 1e9;
    const baseInterval = Number(this.#baseNano / BigInt(intervalNano));
    const { startUnixNano } = this.columns;
    this.#pages(leaf, list, (from, to) => {
      const numbers = this.#numbersOf(to - from);
      for (let i = from; i < to; i++) {
        const relative = relativeNano(startUnixNano, list.row[i]!, this.#base);
        const interval = baseInterval + Math.ceil(relative / intervalNano) - 1;
        numbers[i - from] = interval < 0 ? 0 : interval;
      }
      encodeDelta(this.#values, numbers, 0, to - from);
      return to - from;
    });
  }

  #plainOf(path: string, list: ListLevels, source: Int32Array): void {
    this.#pages(this.#take(path), list, (from, to) => {
      this.#values.reserve((to - from) * 4);
      for (let i = from; i < to; i++) this.#values.u32(source[list.row[i]!]!);
      return to - from;
    });
  }

  /** Ids as bytes; one that is all zero is written as empty. */
  #ids(
    path: string,
    list: ListLevels,
    rowOf: (row: number) => number,
    words: Uint32Array,
    size: 8 | 16,
  ): void {
    const wordCount = size / 4;
    this.#pages(this.#take(path), list, (from, to) => {
      const lengths = this.#codes;
      const body = this.#dictionaryBytes;
      body.clear();
      body.reserve((to - from) * size);
      let count = 0;
      for (let i = from; i < to; i++) {
        if (list.row[i]! < 0) continue;
        const at = rowOf(list.row[i]!) * wordCount;
        let any = 0;
        for (let k = 0; k < wordCount; k++) {
          const word = words[at + k]!;
          any |= word;
          body.view.setUint32(body.length + k * 4, word, true);
        }
        lengths[count++] = any === 0 ? 0 : size;
        if (any !== 0) body.length += size;
      }
      encodeDelta(this.#values, lengths, 0, count);
      this.#values.append(body.written());
      return count;
    });
  }

  #texts(path: string, list: ListLevels, codes: Int32Array): void {
    this.#pages(this.#take(path), list, (from, to) =>
      this.#putTexts(from, to, (i) => {
        const row = list.row[i]!;
        return row < 0 ? -1 : codes[row]!;
      }));
  }

  /** Strings without a dictionary; `codeOf` gives -1 where an entry has none. */
  #putTexts(from: number, to: number, codeOf: (entry: number) => number): number {
    const { strings } = this.columns;
    const lengths = this.#codes;
    const body = this.#dictionaryBytes;
    body.clear();
    let count = 0;
    for (let i = from; i < to; i++) {
      const code = codeOf(i);
      if (code < 0) continue;
      const size = code <= EMPTY_STRING ? 0 : strings.byteLength(code);
      lengths[count++] = size;
      if (size === 0) continue;
      body.reserve(size);
      strings.copyTo(code, body.bytes, body.length);
      body.length += size;
    }
    encodeDelta(this.#values, lengths, 0, count);
    this.#values.append(body.written());
    return count;
  }

  #traceIdTexts(): void {
    const { traces } = this.#lists;
    const encoder = new TextEncoder();
    this.#pages(this.#take("TraceIDText"), traces, (from, to) => {
      const lengths = this.#codes;
      const body = this.#dictionaryBytes;
      body.clear();
      for (let i = from; i < to; i++) {
        const id = this.columns.traces.id(this.#layout.traces[i]!);
        const text = encoder.encode(id.toHex().replace(/^0+/, ""));
        lengths[i - from] = text.length;
        body.append(text);
      }
      encodeDelta(this.#values, lengths, 0, to - from);
      this.#values.append(body.written());
      return to - from;
    });
  }

  /** Page bounds of the sorted column: what trace-by-id search reads first. */
  #boundTraceIds(): void {
    const { traces } = this.#lists;
    const idAt = (entry: number) => this.columns.traces.id(this.#layout.traces[entry]!);
    this.#chunks.at(-1)!.bounds = traces.stripeStart.map((start, stripe) => ({
      min: idAt(start),
      max: idAt(traces.stripeEnd(stripe) - 1),
    }));
  }

  // ── Attributes: seven columns over one list ─────────────────────────────────────────────────

  #attributes(path: string, list: ListLevels, pool: AttributeColumns): void {
    this.#dictionary(path + ".Key", list, pool.key);
    this.#pages(this.#take(path + ".IsArray"), list, (from, to) => {
      let count = 0;
      const bits = new BitWriter(this.#values, to - from);
      for (let i = from; i < to; i++) {
        const row = list.row[i]!;
        if (row < 0) continue;
        bits.put(pool.type[row]! >= AttributeType.EmptyArray ? 1 : 0);
        count++;
      }
      bits.finish();
      return count;
    });
    this.#attributeValues(path + ".Value", list, pool, AttributeType.String);
    this.#attributeValues(path + ".ValueInt", list, pool, AttributeType.Int);
    this.#attributeValues(path + ".ValueDouble", list, pool, AttributeType.Double);
    this.#attributeValues(path + ".ValueBool", list, pool, AttributeType.Bool);
    this.#unsupportedValues(path + ".ValueUnsupported", list, pool);
  }

  #attributeValues(
    path: string,
    list: ListLevels,
    pool: AttributeColumns,
    type: AttributeType,
  ): void {
    const leaf = this.#take(path);
    const arrayType = type + AttributeType.EmptyArray;
    // Most pools lack most types: then the levels are those of the keys, and there are no values.
    if (!pool.hasType(type) && !pool.hasType(arrayType)) return this.#noValues(leaf, list);
    const { entries, words } = pool.hasType(arrayType)
      ? expandArrays(list, pool, type, leaf.definitionMax)
      : { entries: this.#scalars(list, pool, type, leaf.definitionMax), words: pool.words };

    const levels = (stripe: number): EncodedLevels => {
      const { repetition, definition } = entries;
      const from = entries.stripeStart[stripe]!;
      const to = entries.stripeEnd(stripe);
      if (repetition !== list.repetition) {
        return encodeLevels(
          repetition,
          definition,
          from,
          to,
          leaf.repetitionMax,
          leaf.definitionMax,
        );
      }
      return {
        count: to - from,
        repetition: this.#repetitionOf(list, leaf, stripe),
        definition: encodeOne(definition, from, to, leaf.definitionMax),
      };
    };
    const { row, definition } = entries;
    const present = leaf.definitionMax;
    if (type === AttributeType.String) {
      this.#dictionaryPages(leaf, entries, levels, (from, to, out) => {
        let count = 0;
        for (let i = from; i < to; i++) {
          if (definition[i] === present) out[count++] = words[row[i]! * 2]!;
        }
        return count;
      });
      return;
    }
    this.#pages(leaf, entries, (from, to) => {
      let count = 0;
      if (type === AttributeType.Bool) {
        const bits = new BitWriter(this.#values, to - from);
        for (let i = from; i < to; i++) {
          if (definition[i] !== present) continue;
          bits.put(words[row[i]! * 2]!);
          count++;
        }
        bits.finish();
        return count;
      }
      this.#values.reserve((to - from) * 8);
      const { view } = this.#values;
      let at = this.#values.length;
      for (let i = from; i < to; i++) {
        if (definition[i] !== present) continue;
        view.setUint32(at, words[row[i]! * 2]!, true);
        view.setUint32(at + 4, words[row[i]! * 2 + 1]!, true);
        at += 8;
        count++;
      }
      this.#values.length = at;
      return count;
    }, levels);
  }

  /** The list's own entries, with the definition levels of one scalar type. */
  #scalars(
    list: ListLevels,
    pool: AttributeColumns,
    type: AttributeType,
    present: number,
  ): Entries {
    const definition = this.#definitionsOf(list.length);
    const { row } = list;
    const types = pool.type;
    for (let i = 0; i < list.length; i++) {
      const attribute = row[i]!;
      definition[i] = attribute < 0
        ? list.definition[i]!
        : types[attribute] === type
        ? present
        : present - 1;
    }
    return {
      row,
      repetition: list.repetition,
      definition,
      length: list.length,
      stripeStart: list.stripeStart,
      stripeEnd: (stripe) => list.stripeEnd(stripe),
    };
  }

  #unsupportedValues(path: string, list: ListLevels, pool: AttributeColumns): void {
    const leaf = this.#take(path);
    if (!pool.hasType(AttributeType.Unsupported)) return this.#noValues(leaf, list);
    const { definition } = this.#scalars(list, pool, AttributeType.Unsupported, leaf.definitionMax);
    this.#pages(
      leaf,
      list,
      (from, to) =>
        this.#putTexts(
          from,
          to,
          (i) => definition[i] === leaf.definitionMax ? pool.words[list.row[i]! * 2]! : -1,
        ),
      this.#levelsWith(list, leaf, definition),
    );
  }

  #noValues(leaf: Leaf, list: ListLevels): void {
    const levels = (stripe: number): EncodedLevels => ({
      count: list.stripeEnd(stripe) - list.stripeStart[stripe]!,
      repetition: this.#repetitionOf(list, leaf, stripe),
      definition: this.#definitionAs(list, leaf, stripe),
    });
    if (leaf.encoding === "dictionary") this.#dictionaryPages(leaf, list, levels, () => 0);
    else {
      this.#pages(leaf, list, () => {
        if (leaf.encoding === "deltaBytes") encodeDelta(this.#values, this.#codes, 0, 0);
        return 0;
      }, levels);
    }
  }

  // ── Levels ──────────────────────────────────────────────────────────────────────────────────

  /** A leaf may have one level more than its list; only then can the encoded bytes differ. */
  #repetitionOf(list: ListLevels, leaf: Leaf, stripe: number): Uint8Array {
    if (bitWidth(leaf.repetitionMax) === bitWidth(list.levelMax)) {
      return list.encoded(stripe).repetition;
    }
    return encodeOne(
      list.repetition,
      list.stripeStart[stripe]!,
      list.stripeEnd(stripe),
      leaf.repetitionMax,
    );
  }

  #definitionAs(list: ListLevels, leaf: Leaf, stripe: number): Uint8Array {
    if (bitWidth(leaf.definitionMax) === bitWidth(list.levelMax)) {
      return list.encoded(stripe).definition;
    }
    return encodeOne(
      list.definition,
      list.stripeStart[stripe]!,
      list.stripeEnd(stripe),
      leaf.definitionMax,
    );
  }

  #levelsWith(list: ListLevels, leaf: Leaf, definitions: Uint8Array) {
    return (stripe: number): EncodedLevels => {
      const from = list.stripeStart[stripe]!;
      const to = list.stripeEnd(stripe);
      return {
        count: to - from,
        repetition: this.#repetitionOf(list, leaf, stripe),
        definition: encodeOne(definitions, from, to, leaf.definitionMax),
      };
    };
  }

  #optional(
    list: ListLevels,
    isPresent: Uint8Array,
    put: (row: number, out: ByteWriter) => void,
  ): void {
    const leaf = this.#takeNext();
    const definitions = this.#definitionsOf(list.length);
    for (let i = 0; i < list.length; i++) {
      definitions[i] = leaf.definitionMax - 1 + isPresent[list.row[i]!]!;
    }
    this.#pages(leaf, list, (from, to) => {
      let count = 0;
      for (let i = from; i < to; i++) {
        const row = list.row[i]!;
        if (isPresent[row] === 0) continue;
        put(row, this.#values);
        count++;
      }
      return count;
    }, this.#levelsWith(list, leaf, definitions));
  }

  // ── Chunks, pages, scratch ──────────────────────────────────────────────────────────────────

  #pages(
    leaf: Leaf,
    list: Stripes,
    putValues: (from: number, to: number) => number,
    levelsOf = (stripe: number): EncodedLevels => (list as ListLevels).encoded(stripe),
  ): void {
    const chunk = this.#chunk(leaf);
    for (let stripe = 0; stripe < list.stripeStart.length; stripe++) {
      const from = list.stripeStart[stripe]!;
      const to = list.stripeEnd(stripe);
      if (this.#codes.length < to - from) this.#codes = grown(this.#codes, to - from);
      this.#values.clear();
      const count = putValues(from, to);
      this.#page(chunk, stripe, levelsOf(stripe), count);
    }
    this.#finish(chunk);
  }

  #take(path: string): Leaf {
    const leaf = this.#takeNext();
    if (leaf.path.join(".") !== path) throw new Error(`${path} is not the next column`);
    return leaf;
  }

  #takeNext(): Leaf {
    return this.leaves[this.#nextLeaf++]!;
  }

  #chunk(leaf: Leaf): ColumnChunkWriter {
    return new ColumnChunkWriter(leaf, this.#chunkBytes, this.#fileOffset, this.compress);
  }

  #page(chunk: ColumnChunkWriter, stripe: number, levels: EncodedLevels, count: number): void {
    const { traces } = this.#lists;
    const firstRow = traces.stripeStart[stripe]!;
    chunk.page(levels, firstRow, traces.stripeEnd(stripe) - firstRow, this.#values, count);
  }

  #finish(chunk: ColumnChunkWriter): void {
    this.#chunks.push(chunk.finish());
    this.#emit(this.#chunkBytes.written());
  }

  #emit(bytes: Uint8Array): void {
    this.sink(bytes);
    this.#fileOffset += bytes.length;
  }

  #numbersOf(length: number): Float64Array {
    if (this.#numbers.length < length) this.#numbers = grown(this.#numbers, length);
    return this.#numbers;
  }

  #definitionsOf(length: number): Uint8Array {
    if (this.#definitions.length < length) this.#definitions = grown(this.#definitions, length);
    return this.#definitions;
  }
}

type Gather = (from: number, to: number, out: Float64Array) => number;
type Stripes = Pick<ListLevels, "length" | "stripeStart" | "stripeEnd">;
interface Entries extends Stripes {
  readonly row: Int32Array;
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
}

/** Entries for a type that occurs in arrays: one per element, `row` indexes the new `words`. */
function expandArrays(
  list: ListLevels,
  pool: AttributeColumns,
  type: AttributeType,
  present: number,
): { entries: ListLevels; words: Uint32Array } {
  const entries = new ListLevels(present);
  const arrayType = type + AttributeType.EmptyArray;
  let words = new Uint32Array(1024);
  let valueCount = 0;
  const put = (low: number, high: number) => {
    if (valueCount * 2 === words.length) words = grown(words, 0);
    words[valueCount * 2] = low;
    words[valueCount * 2 + 1] = high;
    return valueCount++;
  };
  let stripe = 0;
  for (let i = 0; i < list.length; i++) {
    if (i === list.stripeStart[stripe]) {
      entries.startStripe();
      stripe++;
    }
    const attribute = list.row[i]!;
    const repetition = list.repetition[i]!;
    if (attribute < 0) entries.push(-1, repetition, list.definition[i]!);
    else if (pool.type[attribute] === type) {
      const row = put(pool.words[attribute * 2]!, pool.words[attribute * 2 + 1]!);
      entries.push(row, repetition, present);
    } else if (pool.type[attribute] === arrayType) {
      const first = pool.words[attribute * 2]!;
      for (let k = 0; k < pool.words[attribute * 2 + 1]!; k++) {
        const element = first + k;
        const row = put(pool.elementWords[element * 2]!, pool.elementWords[element * 2 + 1]!);
        entries.push(row, k === 0 ? repetition : present, present);
      }
    } else entries.push(-1, repetition, present - 1);
  }
  return { entries, words };
}

/** Booleans, eight to a byte. */
class BitWriter {
  #byte = 0;
  #count = 0;

  constructor(readonly out: ByteWriter, countMax: number) {
    out.reserve((countMax >> 3) + 1);
  }

  put(bit: number): void {
    this.#byte |= bit << (this.#count & 7);
    if ((++this.#count & 7) === 0) {
      this.out.bytes[this.out.length++] = this.#byte;
      this.#byte = 0;
    }
  }

  finish(): void {
    if ((this.#count & 7) !== 0) this.out.bytes[this.out.length++] = this.#byte;
  }
}

function copyRange(
  source: Int32Array | Float64Array,
  from: number,
  to: number,
  out: Float64Array,
): number {
  for (let i = from; i < to; i++) out[i - from] = source[i]!;
  return to - from;
}

/** The start of the span in the middle: some clients send zero or nonsense, rarely most of them. */
function medianStart(columns: SpanColumns): bigint {
  const highs = new Uint32Array(columns.length);
  for (let row = 0; row < columns.length; row++) highs[row] = columns.startUnixNano[row * 2 + 1]!;
  return BigInt(highs.sort()[columns.length >> 1] ?? 0) << 32n;
}
