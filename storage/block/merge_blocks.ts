// Merges blocks into one, row group by row group: read the planned ranges into one SpanColumns, which
// remaps codes and unites equal resources; the writer's layout then sorts. There is no merge loop
// over spans: a trace that lies in two blocks has one row in the trace table, and that is the merge.
// Memory is that of one row group, whatever the size of the blocks.
// Of spans with equal id and kind in one trace those of the first block are kept, as Tempo does;
// one block may hold two such spans (Zipkin) and keeps both.

import { TraceIdBloom } from "./bloom.ts";
import type { Compressor } from "../parquet/compress.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import { type Input, type InputRange, openInputs, planMerge } from "./merge_plan.ts";
import type { ParquetFile } from "../parquet/file.ts";
import { isSpanData, type KeepSpan, SpanReader } from "./read_spans.ts";
import { RowColumns } from "./row_columns.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { Vparquet5Writer, type WrittenBlock } from "./row_group_writer.ts";

export interface MergeBlock {
  readonly file: ParquetFile;
  readonly dedicated: readonly DedicatedColumn[];
}

export interface MergedBlock extends WrittenBlock {
  readonly spans: number;
  readonly spansDropped: number;
  readonly bloom: TraceIdBloom;
}

export async function mergeBlocks(
  blocks: readonly MergeBlock[],
  ours: DedicatedAttributes,
  spansPerRowGroup: number,
  compress: Compressor,
  sink: (bytes: Uint8Array) => void,
): Promise<MergedBlock> {
  const inputs = await openInputs(blocks.map(({ file }) => file));
  const plans = planMerge(inputs, spansPerRowGroup);
  const writer = new Vparquet5Writer(ours, compress, sink);
  const traceIds: Uint8Array[] = [];
  let spans = 0;
  let spansDropped = 0;
  for (const plan of plans) {
    const columns = new SpanColumns(ours);
    const reader = new SpanReader(columns);
    const seen = new SeenSpans();
    for (const range of plan) {
      const { file, group, block } = range.input;
      const rows = await RowColumns.read(file, group, range.from, range.to, isSpanData);
      reader.read(rows, blocks[block]!.dedicated, seen.keeperOf(range));
    }
    for (let row = 0; row < columns.traces.length; row++) {
      traceIds.push(columns.traces.id(row).slice());
    }
    writer.writeRowGroup(columns);
    spans += columns.length;
    spansDropped += seen.dropped;
  }
  const bloom = new TraceIdBloom(traceIds.length);
  for (const id of traceIds) bloom.add(id);
  return { ...writer.finish(), spans, spansDropped, bloom };
}

/** Remembers spans of traces that lie in several blocks; others need no memory. */
class SeenSpans {
  dropped = 0;
  /** By trace, id and kind: the first input that had the span. */
  readonly #firstInput = new Map<string, Input>();

  keeperOf({ input, from, isShared }: InputRange): KeepSpan {
    return (row, id0, id1, kind) => {
      if (!isShared[row]) return true;
      const key = `${input.ids.at(from + row).toHex()} ${id0} ${id1} ${kind}`;
      const first = this.#firstInput.get(key);
      if (first === undefined) this.#firstInput.set(key, input);
      const isKept = first === undefined || first === input;
      if (!isKept) this.dropped++;
      return isKept;
    };
  }
}
