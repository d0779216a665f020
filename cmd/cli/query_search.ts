// query search: TraceQL on the blocks of a bucket.

import { checkSearchQuery, searchAnswer } from "../../api/mod.ts";
import { InputError } from "../../lib/errors.ts";
import type {
  ResultSpan,
  ResultTrace,
  ResultValue,
  SearchRequest,
} from "../../query/engine/mod.ts";
import { openBucketFrontend } from "./bucket_frontend.ts";
import { type Call, type Command, EXIT, TENANT } from "./command.ts";
import { liveBlocks } from "./listed_blocks.ts";
import { bytes, count, duration, figure, oneLine, table, time } from "./table.ts";

const LIMIT = 20;
const SPANS = 3;

export const querySearch: Command = {
  name: "query search",
  summary: "traces that a TraceQL query finds in the blocks of a tenant",
  details: "All live blocks that overlap the time are asked, or those named with --block.\n" +
    "With --json the answer is that of /api/search.",
  args: [TENANT, { name: "query" }],
  flags: [
    { name: "block", kind: "text", isMany: true, value: "id", help: "this block; may be repeated" },
    {
      name: "start",
      kind: "text",
      value: "time",
      help: "RFC 3339, Unix seconds, or 1h for an hour ago",
    },
    { name: "end", kind: "text", value: "time", help: "the same; now if only --start is given" },
    { name: "limit", kind: "text", value: "n", help: `traces; ${LIMIT} if not given` },
    {
      name: "spss",
      kind: "text",
      value: "n",
      help: `spans per span set; ${SPANS} if not given, 0 all`,
    },
    { name: "spans", kind: "switch", help: "also the spans that match" },
  ],
  async run(call) {
    const { flags, output } = call;
    const [tenant, text] = call.args as [string, string];
    const { isMostRecent } = checkSearchQuery(text, 0);
    const startSeconds = flags.seconds("start");
    const endSeconds = flags.seconds("end");
    if (startSeconds === undefined && endSeconds !== undefined) {
      throw new InputError("invalid_argument", "flag --end needs --start beside it");
    }
    const nowSeconds = Math.ceil(call.runtime.clock.now() / 1000);
    const end = endSeconds ?? (startSeconds === undefined ? 0 : nowSeconds);
    if ((startSeconds ?? 0) > end) {
      throw new InputError("invalid_argument", `--start ${startSeconds} is after --end ${end}`);
    }
    const limit = flags.natural("limit", LIMIT);
    if (limit === 0) throw new InputError("invalid_argument", "flag --limit: must be above 0");
    const request: SearchRequest = {
      kind: "search",
      tenant,
      query: text,
      limit,
      spansPerSpanSet: flags.natural("spss", SPANS),
      startSeconds: startSeconds ?? 0,
      endSeconds: end,
      mostRecent: isMostRecent,
    };
    const metas = await liveBlocks(call, tenant, flags.texts("block"));
    const progress = call.progress("searching");
    await using bucket = openBucketFrontend(call, metas, progress);
    const answered = await bucket.frontend.search(request, call.signal)
      .finally(() => progress.end());
    if (call.isJson) {
      output.json(searchAnswer(answered, { hasSpanSets: true, leftPadTraceIds: true }).json());
      return EXIT.done;
    }
    const { answer, stats } = answered;
    show(call, answer.traces);
    output.line(
      `${answer.traces.length === 0 ? "" : "\n"}${count(answer.traces.length)} traces` +
        (answer.traces.length === limit ? " (as many as --limit allows)" : "") +
        `; ${count(stats.totalBlocks)} blocks, ${bytes(answer.inspectedBytes)} of ` +
        `${bytes(stats.totalBlockBytes)} inspected, ${count(answer.inspectedSpans)} spans`,
    );
    return EXIT.done;
  },
};

function show({ output, flags }: Call, traces: readonly ResultTrace[]): void {
  if (traces.length === 0) return;
  const rows = traces.flatMap((trace) => [
    [
      trace.traceId,
      time(Number(trace.startUnixNano / 1_000_000n)),
      duration(trace.durationNano),
      count(trace.spanSets.reduce((sum, { matched }) => sum + matched, 0)),
      oneLine(trace.rootServiceName || "-", 40),
      oneLine(trace.rootTraceName || "-", 60),
    ],
    ...flags.has("spans") ? trace.spanSets.flatMap(({ spans }) => spans.map(spanRow)) : [],
  ]);
  output.text(table(
    [
      "TRACE",
      "START (UTC)",
      figure("DURATION"),
      figure("MATCHED"),
      "ROOT SERVICE",
      "ROOT SPAN",
    ],
    rows,
  ));
}

function spanRow(span: ResultSpan): string[] {
  const attributes = span.attributes.map(({ key, value }) => `${key}=${valueText(value)}`);
  return [
    `  span ${span.spanId}`,
    time(Number(span.startUnixNano / 1_000_000n)),
    duration(span.durationNano),
    "",
    oneLine(span.name ?? "", 40),
    oneLine(attributes.join(" "), 200),
  ];
}

function valueText(value: ResultValue): string {
  if ("stringValue" in value) return JSON.stringify(value.stringValue);
  if ("intValue" in value) return value.intValue;
  if ("doubleValue" in value) return String(value.doubleValue);
  if ("boolValue" in value) return String(value.boolValue);
  return `[${value.arrayValue.values.map(valueText).join(", ")}]`;
}
