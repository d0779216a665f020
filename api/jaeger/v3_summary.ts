// A trace in short, as api_v3 lists what a search has found.
import type { ResultTrace } from "../../query/engine/mod.ts";

export interface TraceSummary {
  readonly traceId: string;
  readonly rootServiceName: string;
  readonly rootOperationName: string;
  readonly minStartUnixNano: bigint;
  readonly maxEndUnixNano: bigint;
  readonly spanCount: number;
  readonly errorSpanCount: number;
  /** One where no root is known: its children are there without it. Others are not looked for. */
  readonly orphanSpanCount: number;
  readonly services: readonly ServiceSummary[];
}

export interface ServiceSummary {
  readonly name: string;
  readonly spanCount: number;
  readonly errorSpanCount: number;
}

export function traceSummary(trace: ResultTrace): TraceSummary {
  const services = Object.entries(trace.serviceStats).map(([name, stats]) => ({
    name,
    spanCount: stats.spanCount,
    errorSpanCount: stats.errorCount,
  })).sort((a, b) => a.name < b.name ? -1 : 1);
  const hasRoot = trace.rootServiceName !== "" || trace.rootTraceName !== "";
  return {
    traceId: trace.traceId,
    rootServiceName: trace.rootServiceName,
    rootOperationName: trace.rootTraceName,
    minStartUnixNano: trace.startUnixNano,
    maxEndUnixNano: trace.startUnixNano + trace.durationNano,
    spanCount: services.reduce((sum, { spanCount }) => sum + spanCount, 0),
    errorSpanCount: services.reduce((sum, { errorSpanCount }) => sum + errorSpanCount, 0),
    orphanSpanCount: hasRoot ? 0 : 1,
    services,
  };
}

export function summaryJson(summary: TraceSummary): unknown {
  const { minStartUnixNano, maxEndUnixNano, ...rest } = summary;
  return {
    ...rest,
    minStartTimeUnixNano: String(minStartUnixNano),
    maxEndTimeUnixNano: String(maxEndUnixNano),
  };
}
