// What language models may ask of us, as questions of the query API with few parameters.
// Rules: an answer is no larger than a model can take, and says what it left out; times are RFC 3339, the
// last hour if none are given.

import { InputError } from "../../lib/errors.ts";
import { finishTrace } from "../../model/finish_trace.ts";
import { finishMetrics } from "../../query/engine/mod.ts";
import type { FoundTrace } from "../../query/frontend/mod.ts";
import { llmTrace } from "../llm_trace.ts";
import { metricsInstantAnswer, metricsRangeAnswer } from "../metrics_answer.ts";
import { parseMetricsParams } from "../metrics_params.ts";
import { parseTimestamp } from "../metrics_times.ts";
import type { ApiContext } from "../options.ts";
import { searchAnswer } from "../search_answer.ts";
import { parseSearchParams } from "../search_params.ts";
import { tagsAnswerV2, tagValuesAnswerV2 } from "../tag_answers.ts";
import { parseTagsParams, parseTagValuesParams } from "../tag_params.ts";
import { limitsOfQuery } from "../tenant.ts";
import { wholeTrace } from "../trace_answer.ts";
import type { DiffFormat } from "../trace_diff_params.ts";
import { traceDiff } from "../trace_diff_summary.ts";
import { parseTraceId } from "../trace_params.ts";
import { capped } from "./capped.ts";
import { type DocTopic, readDoc } from "./mcp_docs.ts";

/** Characters of an answer; about thirty thousand words of a model. */
export const ANSWER_CHARS_MAX = 120_000;
const HOUR_MS = 3_600_000;
const SEARCH_LIMIT = 20;

export interface TimeArgs {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

export class McpTools {
  readonly #context: ApiContext;
  readonly #tenant: string;
  readonly #signal: AbortSignal;

  constructor(context: ApiContext, tenant: string, signal: AbortSignal) {
    this.#context = context;
    this.#tenant = tenant;
    this.#signal = signal;
  }

  async search(query: string, time: TimeArgs): Promise<string> {
    const { deps, options } = this.#context;
    const { startMs, endMs } = this.#window(time);
    const params = new URLSearchParams({
      q: query,
      limit: String(SEARCH_LIMIT),
      start: String(Math.floor(startMs / 1000)),
      end: String(Math.ceil(endMs / 1000)),
    });
    const { read } = limitsOfQuery(deps.limits, this.#tenant);
    const { request } = parseSearchParams(params, { ...this.#caller(), ...read }, options);
    const answered = await deps.frontend.search(request, this.#signal);
    const style = { hasSpanSets: true, leftPadTraceIds: true };
    return told(searchAnswer(answered, style).json(), "traces");
  }

  async metrics(query: string, time: TimeArgs, isInstant: boolean): Promise<string> {
    const { deps, options } = this.#context;
    const { startMs, endMs } = this.#window(time);
    const params = new URLSearchParams({
      q: query,
      start: `${startMs}000000`,
      end: `${endMs}000000`,
    });
    const { read } = limitsOfQuery(deps.limits, this.#tenant);
    const caller = { ...this.#caller(), ...read };
    const request = parseMetricsParams(params, caller, options, isInstant);
    const answered = await deps.frontend.metrics({ ...request, exemplars: 0 }, this.#signal);
    const result = finishMetrics(request, answered.answer);
    const forms = isInstant
      ? metricsInstantAnswer(result, answered)
      : metricsRangeAnswer(result, answered);
    return told(forms.json(), "series");
  }

  async trace(traceId: string): Promise<string> {
    const { otlp, partialBecause } = await this.#found(traceId);
    const trace = llmTrace(finishTrace(otlp), ANSWER_CHARS_MAX);
    return JSON.stringify({
      trace,
      ...(partialBecause === "" ? {} : { status: "PARTIAL", message: partialBecause }),
    });
  }

  async diff(base: string, compare: string, format: DiffFormat): Promise<string> {
    const [a, b] = await Promise.all([this.#whole(base), this.#whole(compare)]);
    const diff = traceDiff(a, b, format);
    const lists = format === "trace-patch-v0"
      ? ["modified", "added", "removed"]
      : ["signals", "changedServices", "services"];
    return capped({ ...diff }, lists, ANSWER_CHARS_MAX);
  }

  async attributeNames(scope: string): Promise<string> {
    const { deps, options } = this.#context;
    const { nowMs, tenant } = this.#caller();
    const params = parseTagsParams(new URLSearchParams({ scope }), tenant, nowMs, options);
    const answered = await deps.frontend.tags(params.request, this.#signal);
    const bytesMax = ANSWER_CHARS_MAX / 2;
    const forms = tagsAnswerV2(answered, { scope, limit: 0, bytesMax });
    return JSON.stringify(forms.json());
  }

  async attributeValues(name: string, filter: string): Promise<string> {
    const { deps, options } = this.#context;
    const bytesMax = ANSWER_CHARS_MAX / 2;
    const query = new URLSearchParams({ q: filter });
    const request = parseTagValuesParams(name, query, { ...this.#caller(), bytesMax }, options);
    const answered = await deps.frontend.tagValues(request, this.#signal);
    return JSON.stringify(tagValuesAnswerV2(answered).llm!());
  }

  async docs(topic: DocTopic, name: string): Promise<string> {
    const text = await readDoc(topic, name);
    if (text.length <= ANSWER_CHARS_MAX) return text;
    return `${text.slice(0, ANSWER_CHARS_MAX)}\n… ${
      text.length - ANSWER_CHARS_MAX
    } more characters`;
  }

  #caller() {
    return { tenant: this.#tenant, nowMs: this.#context.runtime.clock.now() };
  }

  /** Milliseconds. */
  #window({ start, end }: TimeArgs): { startMs: number; endMs: number } {
    const endMs = end ? msOf("end", end) : this.#context.runtime.clock.now();
    return { startMs: start ? msOf("start", start) : endMs - HOUR_MS, endMs };
  }

  async #found(traceId: string): Promise<FoundTrace> {
    const { frontend } = this.#context.deps;
    const found = await frontend.findTrace(this.#tenant, parseTraceId(traceId), this.#signal);
    if (found !== undefined) return found;
    throw new InputError("not_found", `trace ${traceId} not found`);
  }

  async #whole(traceId: string): Promise<Uint8Array> {
    const { global } = limitsOfQuery(this.#context.deps.limits, this.#tenant);
    return wholeTrace(await this.#found(traceId), global.maxBytesPerTrace);
  }
}

function msOf(name: string, text: string): number {
  try {
    if (!text.includes("T")) throw new Error("expected RFC 3339");
    return Number(parseTimestamp(text) / 1_000_000n);
  } catch (error) {
    throw new InputError("invalid_argument", `invalid ${name}: ${(error as Error).message}`);
  }
}

function told(answer: unknown, list: string): string {
  return capped(answer as Record<string, unknown>, [list], ANSWER_CHARS_MAX);
}
