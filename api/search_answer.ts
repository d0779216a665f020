// The answer to a search. JSON may hold no key that is not listed here: Grafana's plugin decodes
// strictly and fails the whole query on an unknown one.
import type { ProtobufWriter } from "../lib/protobuf_writer.ts";
import type {
  QueryCost,
  ResultSpan,
  ResultSpanSet,
  ResultTrace,
  SearchAnswer,
} from "../query/engine/mod.ts";
import type { Answered } from "../query/frontend/mod.ts";
import { type AnswerForms, nonZero, putText, putUint64 } from "./answer_format.ts";
import { attributeJson, putAttribute } from "./result_value.ts";

export interface SearchStyle {
  readonly hasSpanSets: boolean;
  readonly leftPadTraceIds: boolean;
}

const NO_ROOT = "<root span not yet received>";

export function searchAnswer(answered: Answered<SearchAnswer>, style: SearchStyle): AnswerForms {
  const traces = answered.answer.traces.map((trace) => displayed(trace, style));
  return {
    json: () => ({ traces: traces.map(traceJson), metrics: metricsJson(answered) }),
    protobuf: (out) => {
      for (const trace of traces) out.message(1, () => putTrace(out, trace));
      out.message(2, () => putMetrics(out, answered));
    },
  };
}

export function displayed(trace: ResultTrace, style: SearchStyle): ResultTrace {
  return {
    ...trace,
    traceId: style.leftPadTraceIds ? trace.traceId : trace.traceId.replace(/^0+/, ""),
    rootServiceName: trace.rootServiceName || NO_ROOT,
    ...(style.hasSpanSets ? {} : { spanSets: [], serviceStats: {} }),
  };
}

/** The field has 32 bits; longer durations wrap as the peer's do. */
function durationMs(trace: ResultTrace): number {
  return Number(BigInt.asUintN(32, trace.durationNano / 1_000_000n));
}

function traceJson(trace: ResultTrace): unknown {
  const spanSets = trace.spanSets.map(spanSetJson);
  const stats = Object.entries(trace.serviceStats).map(([service, { spanCount, errorCount }]) =>
    [service, { ...nonZero("spanCount", spanCount), ...nonZero("errorCount", errorCount) }] as const
  );
  return {
    ...nonZero("traceID", trace.traceId),
    ...nonZero("rootServiceName", trace.rootServiceName),
    ...nonZero("rootTraceName", trace.rootTraceName),
    ...nonZero("startTimeUnixNano", trace.startUnixNano),
    ...nonZero("durationMs", durationMs(trace)),
    // Deprecated, yet what Grafana's table of traces reads first.
    ...(spanSets.length === 0 ? {} : { spanSet: spanSets[0], spanSets }),
    ...(stats.length === 0 ? {} : { serviceStats: Object.fromEntries(stats) }),
  };
}

function spanSetJson({ spans, matched, attributes }: ResultSpanSet): unknown {
  return {
    ...(spans.length === 0 ? {} : { spans: spans.map(spanJson) }),
    ...nonZero("matched", matched),
    ...(attributes.length === 0 ? {} : { attributes: attributes.map(attributeJson) }),
  };
}

function spanJson(span: ResultSpan): unknown {
  const { attributes } = span;
  return {
    spanID: span.spanId,
    ...nonZero("name", span.name ?? ""),
    ...nonZero("startTimeUnixNano", span.startUnixNano),
    ...nonZero("durationNanos", span.durationNano),
    ...(attributes.length === 0 ? {} : { attributes: attributes.map(attributeJson) }),
  };
}

export function metricsJson({ answer, stats }: Answered<QueryCost>): unknown {
  return {
    ...nonZero("inspectedTraces", answer.inspectedTraces),
    ...nonZero("inspectedBytes", BigInt(answer.inspectedBytes)),
    ...nonZero("totalBlocks", stats.totalBlocks),
    ...nonZero("completedJobs", stats.completedJobs),
    ...nonZero("totalJobs", stats.totalJobs),
    ...nonZero("totalBlockBytes", BigInt(stats.totalBlockBytes)),
    ...nonZero("inspectedSpans", BigInt(answer.inspectedSpans)),
  };
}

export function putTrace(out: ProtobufWriter, trace: ResultTrace): void {
  putText(out, 1, trace.traceId);
  putText(out, 2, trace.rootServiceName);
  putText(out, 3, trace.rootTraceName);
  putUint64(out, 4, trace.startUnixNano);
  out.varint(5, durationMs(trace));
  if (trace.spanSets.length > 0) out.message(6, () => putSpanSet(out, trace.spanSets[0]!));
  for (const spanSet of trace.spanSets) out.message(7, () => putSpanSet(out, spanSet));
  for (const [service, { spanCount, errorCount }] of Object.entries(trace.serviceStats)) {
    out.message(8, () => {
      out.text(1, service);
      out.message(2, () => {
        out.varint(1, spanCount);
        out.varint(2, errorCount);
      });
    });
  }
}

function putSpanSet(out: ProtobufWriter, { spans, matched, attributes }: ResultSpanSet): void {
  for (const span of spans) out.message(1, () => putSpan(out, span));
  out.varint(2, matched);
  for (const attribute of attributes) putAttribute(out, 3, attribute);
}

function putSpan(out: ProtobufWriter, span: ResultSpan): void {
  out.text(1, span.spanId);
  putText(out, 2, span.name ?? "");
  putUint64(out, 3, span.startUnixNano);
  putUint64(out, 4, span.durationNano);
  for (const attribute of span.attributes) putAttribute(out, 5, attribute);
}

export function putMetrics(out: ProtobufWriter, { answer, stats }: Answered<QueryCost>): void {
  out.varint(1, answer.inspectedTraces);
  putUint64(out, 2, answer.inspectedBytes);
  out.varint(3, stats.totalBlocks);
  out.varint(4, stats.completedJobs);
  out.varint(5, stats.totalJobs);
  putUint64(out, 6, stats.totalBlockBytes);
  putUint64(out, 7, answer.inspectedSpans);
}
