// A collection of 100,000 series on its way to an endpoint: `deno bench -A generator/delivery/delivery_bench.ts`
import { snappyBlock } from "../../lib/snappy_block.ts";
import type { Label, SeriesPoints } from "../series.ts";
import { CollectionDecoder, CollectionEncoder } from "./collection_codec.ts";
import { frameOf } from "./segment.ts";
import { SeriesIndex } from "./series_index.ts";
import { inTimeOrder } from "./time_order.ts";
import { WriteRequestEncoder } from "./write_request.ts";

const SERIES = 100_000;
const PER_MESSAGE = 2_000;

const labelsOf = (i: number): Label[] => [
  ["__metrics_gen_instance", "metrics-generator-0"],
  ["__name__", "traces_spanmetrics_latency_bucket"],
  ["cluster", "eu-west-1"],
  ["le", String(0.002 * 2 ** (i % 14))],
  ["service", `service-${Math.floor(i / 140)}`],
  ["span_kind", "SPAN_KIND_SERVER"],
  ["span_name", `GET /api/v1/items/${Math.floor(i / 14) % 10}`],
  ["status_code", "STATUS_CODE_UNSET"],
];
const labels = Array.from({ length: SERIES }, (_, i) => labelsOf(i));
const index = new SeriesIndex();
const encoder = new CollectionEncoder(index);
const requests = new WriteRequestEncoder();

function collection(timeMs: number) {
  const series = labels.map((labels, i): SeriesPoints => ({
    labels,
    points: [{ timeMs, value: timeMs % 1000 + i }],
    exemplars: [],
  }));
  return { timeMs, nextOffsets: new Map(), series };
}

// 2.76 MB, with strings and labels; the next one is 0.97 MB, ten bytes a point.
const first = encoder.encode(collection(1));
const known = collection(2);

Deno.bench("put in order and encode for the log", () => {
  const { series } = inTimeOrder(known.series, index);
  frameOf(encoder.encode({ ...known, series }), 1);
});

const decoder = new CollectionDecoder();
decoder.decode(first);
const bytes = encoder.encode(known);

Deno.bench("decode from the log", () => {
  decoder.decode(bytes);
});

Deno.bench("encode and compress requests", () => {
  for (let i = 0; i < SERIES; i += PER_MESSAGE) {
    snappyBlock(requests.encode(known.series.slice(i, i + PER_MESSAGE)).bytes);
  }
});
