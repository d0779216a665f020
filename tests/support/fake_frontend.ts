// A query frontend that answers what it was told to, and remembers what it was asked.
import { mergeAnswers, type MetricsAnswer, type MetricsRequest } from "../../query/engine/mod.ts";
import type {
  AnswerOf,
  QueryAnswer,
  QueryRequest,
  SearchAnswer,
  TagsAnswer,
  TagValuesAnswer,
} from "../../query/engine/mod.ts";
import type { Answered, FoundTrace, Frontend, Growing } from "../../query/frontend/mod.ts";

const stats = { totalBlocks: 1, totalJobs: 2, completedJobs: 2, totalBlockBytes: 300 };
const cost = { inspectedTraces: 0, inspectedSpans: 4, inspectedBytes: 500 };

export class FakeFrontend implements Frontend {
  readonly asked: QueryRequest[] = [];
  readonly traces = new Map<string, FoundTrace>();
  searchAnswer: SearchAnswer = { kind: "search", traces: [], ...cost };
  tagsAnswer: TagsAnswer = { kind: "tags", scopes: {}, ...cost };
  tagValuesAnswer: TagValuesAnswer = { kind: "tag_values", values: [], ...cost };
  /** Undefined: an answer without any span. */
  metricsAnswer: MetricsAnswer | undefined = undefined;
  /** What a stream tells before its last answer. */
  growing: Growing<QueryAnswer>[] = [];
  /** Streams wait for who asked to stop them. */
  isEndless = false;
  hasStopped = false;
  /** Thrown by every question until undefined again. */
  failure: unknown = undefined;

  search(request: QueryRequest): Promise<Answered<SearchAnswer>> {
    return this.#answer(request, this.searchAnswer);
  }

  tags(request: QueryRequest): Promise<Answered<TagsAnswer>> {
    return this.#answer(request, this.tagsAnswer);
  }

  tagValues(request: QueryRequest): Promise<Answered<TagValuesAnswer>> {
    return this.#answer(request, this.tagValuesAnswer);
  }

  metrics(request: MetricsRequest): Promise<Answered<MetricsAnswer>> {
    return this.#answer(request, this.#metricsFor(request));
  }

  #metricsFor(request: QueryRequest): MetricsAnswer {
    const nothing = mergeAnswers(request as MetricsRequest, []);
    return this.metricsAnswer ?? { ...nothing, ...cost };
  }

  async *grow<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
  ): AsyncIterable<Growing<AnswerOf<R>>> {
    yield* this.growing as Growing<AnswerOf<R>>[];
    if (this.isEndless) {
      this.asked.push(request);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      this.hasStopped = true;
      signal.throwIfAborted();
    }
    const answers = {
      search: () => this.searchAnswer,
      tags: () => this.tagsAnswer,
      tag_values: () => this.tagValuesAnswer,
      metrics: () => this.#metricsFor(request),
    };
    const answered = await this.#answer(request, answers[request.kind]() as AnswerOf<R>);
    yield { ...answered, completeFromMs: 0, isLast: true };
  }

  // deno-lint-ignore require-await -- what it throws must be a rejection
  async findTrace(tenant: string, traceId: Uint8Array): Promise<FoundTrace | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.traces.get(`${tenant}/${traceId.toHex()}`);
  }

  // deno-lint-ignore require-await -- what it throws must be a rejection
  async #answer<A>(request: QueryRequest, answer: A): Promise<Answered<A>> {
    this.asked.push(request);
    if (this.failure !== undefined) throw this.failure;
    return { answer, stats };
  }
}

export function foundTrace(otlp: Uint8Array): FoundTrace {
  return { otlp, spanCount: 1, inspectedBytes: 0, partialBecause: "" };
}
