// `segno`: the keys that are this program's own.
import { z } from "zod";

import { count, duration, secret, section, text, word } from "../keys.ts";

/** "auto" is worked out from the number of cores when the process starts. */
const auto = (max: number) => z.union([z.literal("auto"), z.int().min(0).max(max)]).default("auto");

export const segno = section({
  data_path: text("./data").describe("the log in log/, blocks in blocks/"),
  workers: auto(256).describe(
    "threads that fold, build and scan; auto: the cores less one, at least one;\n" +
      "0: everything in the main thread",
  ),
  partitions: auto(1024).describe("of the embedded log; auto: one per worker"),
  memory_budget_bytes: z.int().min(64 << 20).default(600_000_000).describe(
    "bounds columns, caches and buffers together; near it sections are cut early and then spans\n" +
      "are refused with a retryable error",
  ),
  query_memory_bytes: z.int().min(1 << 20).default(128_000_000).describe(
    "for what one query makes (series, traces, values), in each thread that works on it; a query\n" +
      "that needs more fails",
  ),
  section: section({
    spans_max: z.int().positive().default(125_000),
    bytes_max: count(0).describe("0: worked out from the memory budget"),
    age_max: duration("5m"),
  }).describe("a section of the log becomes one block per tenant when it reaches any of these"),
  log: section({
    segment_bytes: z.int().min(1 << 16).default(128 << 20),
    retention: duration("1h").describe("kept at least so long, and until every reader is past it"),
    retention_bytes: count(4_294_967_296),
    pending_bytes_max: z.int().positive().default(64 << 20).describe(
      "bytes that wait for the disk before spans are refused with a retryable error",
    ),
  }),
  leftover_grace: duration("1h").describe(
    "objects of a block that has no meta.json after so long were left by a crash and are deleted;\n" +
      "longer than any block takes to be written",
  ),
  job_lease: duration("2m").describe(
    "a backend worker that its scheduler has not heard of for so long has lost its job to another",
  ),
  gossip: section({
    secret: secret().describe(
      "what members of memberlist prove to each other that they know; empty: nothing is proved",
    ),
    former_secret: secret().describe("accepted, too, while members change to another secret"),
  }),
  jaeger_query: section({
    endpoint: text().describe(
      "of Jaeger's query API at its own paths, such as :16686; it is below /jaeger on the HTTP port too",
    ),
  }),
  block_codec: word(["zstd", "snappy", "none"], "zstd"),
  spans_per_row_group: z.union([z.literal("auto"), z.int().min(1)]).default("auto").describe(
    "auto: 80000 on local disk, and 16000 in buckets, where a trace by its id is then two requests\n" +
      "of each block that has it, for 1 to 4% more bytes",
  ),
});
