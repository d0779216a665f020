// The gRPC service tempopb.StreamingQuerier: the questions of the HTTP API, answered piece by piece.
// Rules: parameters, defaults and refusals are those of the HTTP twin; every stream has at least one
// message, and each message tells how far the work is. A client that goes away stops the work.

import type { GrpcCall, GrpcMethod, GrpcMethods } from "../lib/grpc_server.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AcrossTenants } from "./across_tenants.ts";
import { denyList, refuseDenied } from "./deny_list.ts";
import { callTenant, inWords } from "./grpc_calls.ts";
import { parseMetricsParams } from "./metrics_params.ts";
import { metricsStream } from "./metrics_stream.ts";
import type { ApiDeps, ApiOptions } from "./options.ts";
import { parseSearchParams } from "./search_params.ts";
import { searchStream } from "./search_stream.ts";
import {
  metricsInstantTwin,
  metricsRangeTwin,
  searchTwin,
  tagsTwin,
  tagValuesTwin,
  type TwinRequest,
} from "./streaming_requests.ts";
import { parseTagsParams, parseTagValuesParams, tagOfBareName } from "./tag_params.ts";
import { tagsStreamV1, tagsStreamV2, tagValuesStreamV1, tagValuesStreamV2 } from "./tag_streams.ts";
import { limitsOfQuery } from "./tenant.ts";

type Stream = AsyncIterable<Uint8Array>;

export const STREAMING_QUERIER = "tempopb.StreamingQuerier";

export function streamingQuerier(
  runtime: Runtime,
  deps: Pick<ApiDeps, "frontend" | "limits">,
  options: ApiOptions,
): GrpcMethods {
  const service = new StreamingQuerier(runtime, deps, options);
  const methods: Readonly<Record<string, (call: GrpcCall) => Stream>> = {
    Search: (call) => service.search(call),
    SearchTags: (call) => service.tags(call, "/search/tags", tagsStreamV1),
    SearchTagsV2: (call) => service.tags(call, "/v2/search/tags", tagsStreamV2),
    SearchTagValues: (call) => service.tagValuesV1(call),
    SearchTagValuesV2: (call) => service.tagValuesV2(call),
    MetricsQueryRange: (call) => service.metrics(call, false),
    MetricsQueryInstant: (call) => service.metrics(call, true),
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, answer]): [string, GrpcMethod] => [
      `/${STREAMING_QUERIER}/${name}`,
      { kind: "server_stream", handle: (call) => inWords(runtime, call, answer) },
    ]),
  );
}

class StreamingQuerier {
  readonly #runtime: Runtime;
  readonly #frontend: AcrossTenants;
  readonly #limits: ApiDeps["limits"];
  readonly #options: ApiOptions;
  readonly #denied: readonly RegExp[];

  constructor(
    runtime: Runtime,
    { frontend, limits }: Pick<ApiDeps, "frontend" | "limits">,
    options: ApiOptions,
  ) {
    this.#runtime = runtime;
    this.#frontend = new AcrossTenants(frontend);
    this.#limits = limits;
    this.#options = options;
    this.#denied = denyList(options);
  }

  search({ message, metadata, signal }: GrpcCall): Stream {
    const { query } = this.#allowed(searchTwin(message));
    const { read, ...caller } = this.#caller(metadata);
    const { request, hasSpanSets } = parseSearchParams(
      query,
      { ...caller, ...read },
      this.#options,
    );
    const answers = this.#frontend.grow(request, signal);
    const style = { hasSpanSets, leftPadTraceIds: read.leftPadTraceIds };
    return searchStream(request, answers, style, this.#options.streamBytesMax);
  }

  tags({ message, metadata, signal }: GrpcCall, path: string, stream: typeof tagsStreamV2): Stream {
    const { query } = this.#allowed(tagsTwin(message, path));
    const { tenant, nowMs, bytesMax } = this.#caller(metadata);
    const { request, limit } = parseTagsParams(query, tenant, nowMs, this.#options);
    const answers = this.#frontend.grow(request, signal);
    const style = { scope: request.scope, limit, bytesMax };
    return stream(answers, style, this.#options.streamBytesMax);
  }

  tagValuesV1(call: GrpcCall): Stream {
    return this.#tagValues(call, "/search/tag", tagOfBareName, tagValuesStreamV1);
  }

  tagValuesV2(call: GrpcCall): Stream {
    return this.#tagValues(call, "/v2/search/tag", (tag) => tag, tagValuesStreamV2);
  }

  metrics({ message, metadata, signal }: GrpcCall, isInstant: boolean): Stream {
    const twin = isInstant ? metricsInstantTwin(message) : metricsRangeTwin(message);
    const { query } = this.#allowed(twin);
    const { read, ...caller } = this.#caller(metadata);
    const request = parseMetricsParams(query, { ...caller, ...read }, this.#options, isInstant);
    const answers = this.#frontend.grow(request, signal);
    return metricsStream(request, answers, this.#options.streamBytesMax);
  }

  #tagValues(
    { message, metadata, signal }: GrpcCall,
    path: string,
    tagOf: (name: string) => string,
    stream: typeof tagValuesStreamV2,
  ): Stream {
    const { tagName, query } = this.#allowed(tagValuesTwin(message, path));
    const caller = this.#caller(metadata);
    const request = parseTagValuesParams(tagOf(tagName), query, caller, this.#options);
    const answers = this.#frontend.grow(request, signal);
    return stream(answers, request.limit, this.#options.streamBytesMax);
  }

  #allowed<T extends TwinRequest>(twin: T): T {
    const { path, query } = twin;
    refuseDenied(`${this.#options.httpApiPrefix}/api${path}?${query}`, this.#denied);
    return twin;
  }

  #caller(metadata: ReadonlyMap<string, string>) {
    const tenant = callTenant(metadata, this.#options);
    const { read } = limitsOfQuery(this.#limits, tenant);
    const bytesMax = read.maxBytesPerTagValuesQuery;
    return { tenant, read, bytesMax, nowMs: this.#runtime.clock.now() };
  }
}
