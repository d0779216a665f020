// query trace-id, query trace-summary: one trace, put together from all blocks that have a part of it.

import { traceAnswerV2 } from "../../api/mod.ts";
import { InputError, NotFoundError } from "../../lib/errors.ts";
import { tracesJson } from "../../model/otlp_json.ts";
import type { FoundTrace } from "../../query/frontend/mod.ts";
import { openBucketFrontend } from "./bucket_frontend.ts";
import { type Call, type Command, EXIT, type FlagSpec, TENANT } from "./command.ts";
import { liveBlocks } from "./listed_blocks.ts";
import { count, duration, oneLine, table, time } from "./table.ts";
import { rootsFirst, type ShownSpan, spansOfTrace } from "./trace_tree.ts";

const ID = { name: "trace-id" };
const BLOCKS: readonly FlagSpec[] = [
  { name: "block", kind: "text", isMany: true, value: "id", help: "this block; may be repeated" },
];
const DETAILS =
  "All live blocks are asked, or those named with --block. Exit code 1 if none has the trace\n" +
  "or a block could not be read.";

export const queryTraceId: Command = {
  name: "query trace-id",
  summary: "a trace from all blocks of a tenant, as a tree",
  details: `${DETAILS} With --json the answer is that of /api/v2/traces/<id>.`,
  args: [TENANT, ID],
  flags: [
    ...BLOCKS,
    { name: "spans", kind: "text", value: "n", help: "of the tree at most; 1000 if not given" },
  ],
  async run(call) {
    const found = await find(call);
    if (call.isJson) {
      call.output.json((await traceAnswerV2(found, 0, undefined, call.signal)).json());
    } else {
      const spans = spansOfTrace(tracesJson(found.otlp));
      showSummary(call, spans);
      call.output.line();
      showTree(call, spans);
    }
    return endOf(call, found);
  },
};

export const queryTraceSummary: Command = {
  name: "query trace-summary",
  summary: "spans, time, root and services of a trace",
  details: DETAILS,
  args: [TENANT, ID],
  flags: BLOCKS,
  async run(call) {
    const found = await find(call);
    const spans = spansOfTrace(tracesJson(found.otlp));
    if (call.isJson) call.output.json(summaryOf(call, spans));
    else showSummary(call, spans);
    return endOf(call, found);
  },
};

async function find(call: Call): Promise<FoundTrace> {
  const [tenant, text] = call.args as [string, string];
  const id = traceIdOf(text);
  const metas = await liveBlocks(call, tenant, call.flags.texts("block"));
  const progress = call.progress("looking");
  await using bucket = openBucketFrontend(call, metas, progress);
  const found = await bucket.frontend.findTrace(tenant, id, call.signal)
    .finally(() => progress.end());
  if (found !== undefined) return found;
  throw new NotFoundError(
    `no trace ${id.toHex()} in ${count(metas.length)} blocks of tenant ${tenant}`,
  );
}

/** A part of a trace is told, and that it is a part. */
function endOf(call: Call, { partialBecause }: FoundTrace): number {
  if (partialBecause === "") return EXIT.done;
  call.warn(`the trace may not be whole: ${partialBecause}`);
  return EXIT.failed;
}

/** Up to 32 hex digits; those that are missing are zeros in front. */
export function traceIdOf(text: string): Uint8Array {
  if (/^[0-9a-f]{1,32}$/i.test(text)) return Uint8Array.fromHex(text.padStart(32, "0"));
  throw new InputError(
    "invalid_argument",
    `expected a trace id of up to 32 hex digits, not ${JSON.stringify(text)}`,
  );
}

function summaryOf({ args }: Call, spans: readonly ShownSpan[]) {
  const root = rootsFirst(spans)[0]?.span;
  const services = Map.groupBy(spans, ({ service }) => service);
  const startNano = spans.reduce(
    (least, { startNano: at }) => at < least ? at : least,
    spans[0]!.startNano,
  );
  const endNano = spans.reduce((most, { endNano: at }) => at > most ? at : most, spans[0]!.endNano);
  return {
    traceId: args[1]!.padStart(32, "0"),
    startUnixNano: startNano,
    durationNano: endNano > startNano ? endNano - startNano : 0n,
    spans: spans.length,
    errors: spans.filter(({ isError }) => isError).length,
    rootService: root?.service ?? "",
    rootName: root?.name ?? "",
    services: [...services].map(([name, own]) => ({
      name,
      spans: own.length,
      errors: own.filter(({ isError }) => isError).length,
    })).sort((a, b) => b.spans - a.spans || (a.name < b.name ? -1 : 1)),
  };
}

function showSummary(call: Call, spans: readonly ShownSpan[]): void {
  const summary = summaryOf(call, spans);
  const services = summary.services.map(({ name, spans, errors }) =>
    `${oneLine(name || "-", 40)} ${count(spans)}${errors === 0 ? "" : ` (${count(errors)} errors)`}`
  );
  call.output.text(
    table(["", ""], [
      ["trace", summary.traceId],
      ["start", `${time(Number(summary.startUnixNano / 1_000_000n))} UTC`],
      ["duration", duration(summary.durationNano)],
      ["spans", `${count(summary.spans)}, ${count(summary.errors)} errors`],
      ["root", oneLine(`${summary.rootService || "-"}: ${summary.rootName || "-"}`, 120)],
      ["services", services.join(", ")],
    ]).trimStart(),
  );
}

const SPANS_SHOWN = 1000;

function showTree(call: Call, spans: readonly ShownSpan[]): void {
  const placed = rootsFirst(spans);
  const { startUnixNano } = summaryOf(call, spans);
  const shown = placed.slice(0, call.flags.natural("spans", SPANS_SHOWN));
  call.output.text(table(
    ["SPAN", "SERVICE", "KIND", { head: "AT", isFigure: true }, {
      head: "DURATION",
      isFigure: true,
    }, ""],
    shown.map(({ span, branch }) => [
      oneLine(branch + (span.name || "-"), 80),
      oneLine(span.service || "-", 40),
      span.kind,
      `+${duration(span.startNano - startUnixNano)}`,
      duration(span.endNano > span.startNano ? span.endNano - span.startNano : 0n),
      span.isError ? oneLine(`error ${span.message}`, 100).trimEnd() : "",
    ]),
  ));
  if (placed.length > shown.length) {
    call.output.line(`and ${count(placed.length - shown.length)} more with --spans`);
  }
}
