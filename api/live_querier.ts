// The peer's own services on a live-store, tempopb.Querier and tempopb.Metrics, so that its queriers may ask
// ours for what is not in blocks yet.
//   TraceByIDRequest { traceID 1 }   TraceByIDResponse { trace 1, metrics 2 }
//   the other messages are those of streaming_requests.ts and of the answers over HTTP
// Rules: who asks here has checked and bounded the question, so that of our options only defaults hold, and a
// time is taken as it comes; a live-store that may not be asked refuses; there are no pieces, one message is
// the whole answer. A range of metrics is answered with finished series: what unfinished ones of the peer look
// like is not known to us (docs/api.md).
import { ByteWriter } from "../lib/byte_writer.ts";
import { InputError, UnavailableError } from "../lib/errors.ts";
import type { GrpcCall, GrpcMethods } from "../lib/grpc_server.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";
import type { Runtime } from "../lib/runtime.ts";
import { finishTrace } from "../model/finish_trace.ts";
import type { LimitsOf } from "../model/limits.ts";
import {
  type AnswerOf,
  finishMetrics,
  mergeAnswers,
  type MetricsRequest,
  type QueryRequest,
} from "../query/engine/mod.ts";
import type { Answered } from "../query/frontend/mod.ts";
import { combineTraces, type LiveSource } from "../query/querier/mod.ts";
import type { AnswerForms } from "./answer_format.ts";
import { callTenant } from "./grpc_calls.ts";
import { metricsRangeAnswer } from "./metrics_answer.ts";
import { parseMetricsParams } from "./metrics_params.ts";
import type { ApiOptions } from "./options.ts";
import { searchAnswer } from "./search_answer.ts";
import { parseSearchParams } from "./search_params.ts";
import {
  metricsRangeTwin,
  readMessage,
  searchTwin,
  tagsTwin,
  tagValuesTwin,
} from "./streaming_requests.ts";
import { tagsAnswerV1, tagsAnswerV2, tagValuesAnswerV1, tagValuesAnswerV2 } from "./tag_answers.ts";
import { parseTagsParams, parseTagValuesParams, tagOfBareName } from "./tag_params.ts";
import { limitsOfQuery } from "./tenant.ts";

export interface LiveQuerierDeps {
  readonly live: LiveSource & { refusal(): string | undefined };
  readonly limits: LimitsOf;
}

const QUERIER = "/tempopb.Querier";
const METRICS = "/tempopb.Metrics";
const NO_BLOCKS = { totalBlocks: 0, totalJobs: 0, completedJobs: 0, totalBlockBytes: 0 };
/** Ids may come without their leading zeros. */
const TRACE_ID_BYTES = 16;

export function liveQuerier(
  runtime: Runtime,
  deps: LiveQuerierDeps,
  options: ApiOptions,
): GrpcMethods {
  const service = new LiveQuerier(runtime, deps, unbounded(options));
  const unary = (handle: (call: GrpcCall) => Promise<Uint8Array>) =>
    ({ kind: "unary", handle }) as const;
  return {
    [`${QUERIER}/FindTraceByID`]: unary((call) => service.trace(call)),
    [`${QUERIER}/SearchRecent`]: unary((call) => service.search(call)),
    [`${QUERIER}/SearchTags`]: unary((call) => service.tags(call, tagsAnswerV1)),
    [`${QUERIER}/SearchTagsV2`]: unary((call) => service.tags(call, tagsAnswerV2)),
    [`${QUERIER}/SearchTagValues`]: unary((call) =>
      service.tagValues(call, tagOfBareName, tagValuesAnswerV1)
    ),
    [`${QUERIER}/SearchTagValuesV2`]: unary((call) =>
      service.tagValues(call, (tag) => tag, tagValuesAnswerV2)
    ),
    [`${METRICS}/QueryRange`]: unary((call) => service.metrics(call)),
  };
}

/** Defaults stay; what bounds a user's question has been looked at before. */
function unbounded(options: ApiOptions): ApiOptions {
  return {
    ...options,
    search: { ...options.search, maxLimit: 0, maxSpss: 0, maxDurationMs: 0 },
    metrics: { ...options.metrics, maxDurationMs: 0, maxIntervals: 0 },
    queryEndCutoffMs: 0,
    queryBackendAfterMs: 0,
  };
}

class LiveQuerier {
  constructor(
    readonly runtime: Runtime,
    readonly deps: LiveQuerierDeps,
    readonly options: ApiOptions,
  ) {}

  async trace({ message, metadata, signal }: GrpcCall): Promise<Uint8Array> {
    const tenant = callTenant(metadata, this.options);
    const given = readMessage(message).bytes(1);
    if (given.length === 0 || given.length > TRACE_ID_BYTES) {
      throw new InputError("invalid_argument", "invalid trace id");
    }
    const traceId = new Uint8Array(TRACE_ID_BYTES);
    traceId.set(given, TRACE_ID_BYTES - given.length);
    this.#checkReady();
    const parts = await this.deps.live.findTrace(tenant, traceId, signal);
    return written((out) => {
      // The one message that says "not here" by what is missing.
      if (parts.length > 0) out.binary(1, finishTrace(combineTraces(parts).otlp));
      out.message(2, () => {});
    });
  }

  async search({ message, metadata, signal }: GrpcCall): Promise<Uint8Array> {
    const { query } = searchTwin(message);
    const { read, ...caller } = this.#caller(metadata);
    const known = { ...caller, ...read, maxSearchDurationMs: 0 };
    const { request, hasSpanSets } = parseSearchParams(query, known, this.options);
    const style = { hasSpanSets, leftPadTraceIds: read.leftPadTraceIds };
    return inProtobuf(searchAnswer(await this.#ask(request, signal), style));
  }

  async tags(
    { message, metadata, signal }: GrpcCall,
    answer: typeof tagsAnswerV2,
  ): Promise<Uint8Array> {
    const { query } = tagsTwin(message, "");
    const { tenant, nowMs, bytesMax } = this.#caller(metadata);
    const { request, limit } = parseTagsParams(query, tenant, nowMs, this.options);
    const style = { scope: request.scope, limit, bytesMax };
    return inProtobuf(answer(await this.#ask(request, signal), style));
  }

  async tagValues(
    { message, metadata, signal }: GrpcCall,
    tagOf: (name: string) => string,
    answer: typeof tagValuesAnswerV2,
  ): Promise<Uint8Array> {
    const { tagName, query } = tagValuesTwin(message, "");
    const caller = this.#caller(metadata);
    const request = parseTagValuesParams(tagOf(tagName), query, caller, this.options);
    return inProtobuf(answer(await this.#ask(request, signal)));
  }

  async metrics({ message, metadata, signal }: GrpcCall): Promise<Uint8Array> {
    const fields = readMessage(message);
    const isInstant = fields.number(18) === 1;
    const { read, ...caller } = this.#caller(metadata);
    const { query } = metricsRangeTwin(message);
    const known = { ...caller, ...read, maxMetricsDurationMs: 0 };
    const checked = parseMetricsParams(query, known, this.options, isInstant);
    // As it was asked: the peer's frontend has laid the range on steps before it dealt it out.
    const [startNano, endNano] = [fields.integer(2), fields.integer(3)];
    const stepNano = isInstant ? endNano - startNano : checked.stepNano;
    const request: MetricsRequest = { ...checked, startNano, endNano, stepNano };
    const answered = await this.#ask(request, signal);
    return inProtobuf(metricsRangeAnswer(finishMetrics(request, answered.answer), answered));
  }

  async #ask<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
  ): Promise<Answered<AnswerOf<R>>> {
    this.#checkReady();
    const answers = await this.deps.live.query(request, signal);
    const answer: AnswerOf<R> = mergeAnswers(request, answers);
    return { answer, stats: NO_BLOCKS };
  }

  #checkReady(): void {
    const refusal = this.deps.live.refusal();
    if (refusal !== undefined) throw new UnavailableError(refusal);
  }

  #caller(metadata: GrpcCall["metadata"]) {
    const tenant = callTenant(metadata, this.options);
    const { read } = limitsOfQuery(this.deps.limits, tenant);
    const bytesMax = read.maxBytesPerTagValuesQuery;
    return { tenant, read, bytesMax, nowMs: this.runtime.clock.now() };
  }
}

function inProtobuf(forms: AnswerForms): Uint8Array {
  return written(forms.protobuf);
}

function written(write: (out: ProtobufWriter) => void): Uint8Array {
  const out = new ProtobufWriter(new ByteWriter());
  write(out);
  return out.bytes.written();
}
