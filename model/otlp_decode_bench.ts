// Decoding 20,000 realistic spans: into recycled columns, as a partition does, and into new ones.
import { realisticTraces } from "../tests/support/realistic.ts";
import { decodeOtlp } from "../tests/support/otlp.ts";
import { defaultDedicated } from "./dedicated_attributes.ts";
import { OtlpDecoder } from "./otlp_decode.ts";
import { SpanColumns } from "./span_columns.ts";

const messages = realisticTraces(20_000);
const recycled = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(recycled);

Deno.bench("protobufjs", { group: "decode", baseline: true }, () => {
  for (const message of messages) decodeOtlp(message);
});

Deno.bench("into recycled columns", { group: "decode" }, () => {
  decoder.reset();
  for (const message of messages) decoder.decode(message);
});

Deno.bench("into new columns", { group: "decode" }, () => {
  const fresh = new OtlpDecoder(new SpanColumns(defaultDedicated));
  for (const message of messages) fresh.decode(message);
});
