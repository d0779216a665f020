// What a block costs per codec, of 80,000 realistic spans: divide by their number.
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { nestedSets } from "../../model/nested_set.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces } from "../../model/trace_layout.ts";
import { summarizeTraces } from "../../model/trace_summary.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { type CodecName, compressorOf } from "../parquet/compress.ts";
import { TraceIdBloom } from "./bloom.ts";
import { blockSchema } from "./block_schema.ts";
import { BlockDataWriter } from "./row_group_writer.ts";

const messages = realisticTraces(80_000);
const columns = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(columns);
for (const message of messages) decoder.decode(message);
const layout = layoutTraces(columns);

function write(codec: CodecName): number {
  const writer = new BlockDataWriter(blockSchema(defaultDedicated), compressorOf(codec), () => {});
  writer.writeRowGroup(columns);
  return writer.finish().sizeBytes;
}

for (const codec of ["zstd", "snappy", "none"] as const) {
  const bytes = (write(codec) / columns.length).toFixed(1);
  Deno.bench(`write 80k spans, ${codec}: ${bytes} bytes a span`, { group: "write" }, () => {
    write(codec);
  });
}

Deno.bench("lay out", { group: "parts" }, () => {
  layoutTraces(columns);
});

Deno.bench("nested sets", { group: "parts" }, () => {
  nestedSets(columns, layout);
});

Deno.bench("summaries", { group: "parts" }, () => {
  summarizeTraces(columns, layout);
});

Deno.bench("bloom of 4,400 traces", { group: "parts" }, () => {
  const bloom = new TraceIdBloom(columns.traces.length);
  for (let row = 0; row < columns.traces.length; row++) bloom.add(columns.traces.id(row));
});
