// The answer to a trace by id, in the form of old (v1: the trace itself) and in v2 (trace, metrics,
// status, message).
import { InputError, UnavailableError } from "../lib/errors.ts";
import { finishTrace, trimTrace } from "../model/finish_trace.ts";
import { tracesJson } from "../model/otlp_json.ts";
import { llmTrace } from "./llm_trace.ts";
import type { FoundTrace } from "../query/frontend/mod.ts";
import { filterTrace, type TraceFilter } from "./trace_filter.ts";
import { type AnswerForms, nonZero, putUint64 } from "./answer_format.ts";

/** V1 has no word for "partial", so a trace that is not whole is an error there. */
export function traceAnswerV1(found: FoundTrace, bytesMax: number): AnswerForms {
  const trace = wholeTrace(found, bytesMax);
  return {
    json: () => tracesJson(trace, "batches"),
    protobuf: (out) => out.bytes.append(trace),
  };
}

/** For those who must see all of a trace or nothing. */
export function wholeTrace(found: FoundTrace | undefined, bytesMax: number): Uint8Array {
  if (found === undefined) throw new InputError("not_found", "trace not found");
  if (found.partialBecause !== "") throw new UnavailableError(found.partialBecause);
  const trace = finishTrace(found.otlp);
  if (!isTooLarge(trace, bytesMax)) return trace;
  throw new InputError(
    "unprocessable",
    `trace exceeds max size (max bytes: ${bytesMax}): it has ${trace.length} bytes`,
  );
}

/** A trace that nobody knows is an empty one. */
export async function traceAnswerV2(
  whole: FoundTrace | undefined,
  bytesMax: number,
  filter: TraceFilter | undefined,
  signal: AbortSignal,
): Promise<AnswerForms> {
  const messages = whole === undefined || whole.partialBecause === "" ? [] : [whole.partialBecause];
  let found = whole;
  if (whole !== undefined && filter !== undefined) {
    const { otlp, isWhole } = await filterTrace(whole.otlp, filter, signal);
    found = { ...whole, otlp };
    if (!isWhole) {
      messages.push("Trace filtered, only a subset of spans matching the filter is returned");
    }
  }
  let trace = finishTrace(found?.otlp ?? new Uint8Array());
  if (isTooLarge(trace, bytesMax)) {
    trace = trimTrace(trace, bytesMax);
    messages.push(`Trace exceeds maximum size of ${bytesMax} bytes, a partial trace is returned`);
  }
  const inspectedBytes = found?.inspectedBytes ?? 0;
  const message = messages.join("; ");
  return {
    json: () => ({
      trace: tracesJson(trace),
      metrics: nonZero("inspectedBytes", BigInt(inspectedBytes)),
      ...(message === "" ? {} : { status: "PARTIAL", message }),
    }),
    llm: () => ({
      trace: llmTrace(trace),
      ...(message === "" ? {} : { status: "PARTIAL", message }),
    }),
    protobuf: (out) => {
      // Written even if empty: Grafana's plugin dereferences it.
      out.binary(1, trace);
      out.message(2, () => putUint64(out, 1, inspectedBytes));
      if (message === "") return;
      out.varint(3, PARTIAL);
      out.text(4, message);
    },
  };
}

const PARTIAL = 1;

function isTooLarge(trace: Uint8Array, bytesMax: number): boolean {
  return bytesMax !== 0 && trace.length > bytesMax;
}
