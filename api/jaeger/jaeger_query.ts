// The questions of Jaeger's query API, asked of our frontend: services, operations, traces, summaries,
// dependencies. What their answers look like is told by the routes and the service.
import { InputError } from "../../lib/errors.ts";
import { finishTrace } from "../../model/finish_trace.ts";
import type { ResultAttribute, ResultTrace, SearchRequest } from "../../query/engine/mod.ts";
import type { Frontend } from "../../query/frontend/mod.ts";
import { serviceIs, traceql, type TraceQuery } from "./trace_query.ts";

export interface Operation {
  readonly name: string;
  readonly spanKind: string;
}

export interface FullTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** A TracesData message. */
  readonly otlp: Uint8Array;
  /** What is not whole about it. */
  readonly warnings: string[];
}

export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

/** Times in Unix nanoseconds; 0n: no bound. */
export interface NanoWindow {
  readonly startNano: bigint;
  readonly endNano: bigint;
}

const SPAN_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/** Traces that are fetched at a time. */
const FETCHES_MAX = 8;
/** Dependencies are counted in the most recent traces of their time, and in so many spans of each. */
export const DEPENDENCY_TRACES_MAX = 1000;
const DEPENDENCY_SPANS_MAX = 1000;
export const LIMIT_DEFAULT = 100;
export const LIMIT_MAX = 1500;

export class JaegerQuery {
  constructor(readonly frontend: Frontend) {}

  async services(tenant: string, signal: AbortSignal): Promise<string[]> {
    return await this.#values(tenant, "resource.service.name", "{}", signal);
  }

  /** Of all kinds if none is asked for. */
  async operations(
    tenant: string,
    service: string,
    spanKind: string,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    const kinds = spanKind === "" ? SPAN_KINDS : [spanKind];
    if (!SPAN_KINDS.includes(kinds[0]!)) {
      throw new InputError("invalid_argument", `unknown span kind ${JSON.stringify(spanKind)}`);
    }
    const each = await Promise.all(kinds.map(async (kind) => {
      const query = `{ ${serviceIs(service)} && kind = ${kind} }`;
      const names = await this.#values(tenant, "name", query, signal);
      return names.map((name) => ({ name, spanKind: kind }));
    }));
    return each.flat();
  }

  async operationNames(tenant: string, service: string, signal: AbortSignal): Promise<string[]> {
    return await this.#values(tenant, "name", `{ ${serviceIs(service)} }`, signal);
  }

  async trace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FullTrace | undefined> {
    const found = await this.frontend.findTrace(tenant, traceId, signal);
    if (found === undefined) return undefined;
    const { otlp, partialBecause } = found;
    const warnings = partialBecause === "" ? [] : [partialBecause];
    return { traceId: traceId.toHex(), otlp: finishTrace(otlp), warnings };
  }

  /** Those of the ids that are known, in their order. */
  async traces(
    tenant: string,
    traceIds: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<FullTrace[]> {
    const found = new Array<FullTrace | undefined>(traceIds.length);
    let next = 0;
    const lane = async () => {
      while (next < traceIds.length) {
        const i = next++;
        found[i] = await this.trace(tenant, traceIds[i]!, signal);
      }
    };
    await Promise.all(Array.from({ length: FETCHES_MAX }, lane));
    return found.filter((trace) => trace !== undefined);
  }

  async search(tenant: string, query: TraceQuery, signal: AbortSignal): Promise<FullTrace[]> {
    const found = await this.summaries(tenant, query, signal);
    const ids = found.map(({ traceId }) => Uint8Array.fromHex(traceId));
    return await this.traces(tenant, ids, signal);
  }

  /** The most recent traces that match, newest first. */
  async summaries(
    tenant: string,
    query: TraceQuery,
    signal: AbortSignal,
  ): Promise<readonly ResultTrace[]> {
    const request = searchRequest(tenant, traceql(query), query.limit, 1, query);
    return (await this.frontend.search(request, signal)).answer.traces;
  }

  /** Calls between services: a span whose parent is one of another service. */
  async dependencies(
    tenant: string,
    window: NanoWindow,
    signal: AbortSignal,
  ): Promise<Dependency[]> {
    const request = searchRequest(
      tenant,
      "{} | select(resource.service.name, span:parentID)",
      DEPENDENCY_TRACES_MAX,
      DEPENDENCY_SPANS_MAX,
      window,
    );
    const { answer } = await this.frontend.search(request, signal);
    const counts = new Map<string, Dependency>();
    for (const trace of answer.traces) {
      for (const [parent, child] of callsIn(trace)) {
        const key = JSON.stringify([parent, child]);
        const callCount = (counts.get(key)?.callCount ?? 0) + 1;
        counts.set(key, { parent, child, callCount });
      }
    }
    return [...counts.values()];
  }

  async #values(tenant: string, tag: string, query: string, signal: AbortSignal) {
    const { answer } = await this.frontend.tagValues({
      kind: "tag_values",
      tenant,
      tag,
      query,
      startSeconds: 0,
      endSeconds: 0,
      limit: 0,
      bytesMax: 0,
    }, signal);
    return answer.values.map(({ value }) => value).sort();
  }
}

function* callsIn({ spanSets }: ResultTrace): Generator<[parent: string, child: string]> {
  const spans = spanSets.flatMap((set) => set.spans);
  const services = new Map(spans.map(({ spanId, attributes }) => [
    spanId,
    textOf(attributes, "service.name"),
  ]));
  for (const { spanId, attributes } of spans) {
    const parent = services.get(textOf(attributes, "span:parentID"));
    const child = services.get(spanId)!;
    if (parent !== undefined && parent !== child) yield [parent, child];
  }
}

function textOf(attributes: readonly ResultAttribute[], key: string): string {
  const value = attributes.find((one) => one.key === key)?.value;
  return value !== undefined && "stringValue" in value ? value.stringValue : "";
}

const SECOND = 1_000_000_000n;

function searchRequest(
  tenant: string,
  query: string,
  limit: number,
  spansPerSpanSet: number,
  { startNano, endNano }: NanoWindow,
): SearchRequest {
  return {
    kind: "search",
    tenant,
    query,
    limit,
    spansPerSpanSet,
    startSeconds: Number(startNano / SECOND),
    endSeconds: Number((endNano + SECOND - 1n) / SECOND),
    mostRecent: true,
  };
}
