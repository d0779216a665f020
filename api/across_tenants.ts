// A query of several tenants, `a|b` in the header: each is asked, the answers become one.
// Rule: all of them answer or the query fails; a tenant is never left out in silence.
import { lastOfEach } from "../lib/last_of_each.ts";
import {
  type AnswerOf,
  mergeAnswers,
  type MetricsRequest,
  type QueryRequest,
  type SearchRequest,
  type TagsRequest,
  type TagValuesRequest,
} from "../query/engine/mod.ts";
import type { Answered, FoundTrace, Frontend, Growing } from "../query/frontend/mod.ts";
import { tenantsOf } from "./tenant.ts";

/** Asks the frontend once for each tenant; a single tenant passes through untouched. */
export class AcrossTenants implements Frontend {
  constructor(readonly frontend: Frontend) {}

  search(request: SearchRequest, signal: AbortSignal) {
    return this.#each(request, (one) => this.frontend.search(one, signal));
  }

  metrics(request: MetricsRequest, signal: AbortSignal) {
    return this.#each(request, (one) => this.frontend.metrics(one, signal));
  }

  tags(request: TagsRequest, signal: AbortSignal) {
    return this.#each(request, (one) => this.frontend.tags(one, signal));
  }

  tagValues(request: TagValuesRequest, signal: AbortSignal) {
    return this.#each(request, (one) => this.frontend.tagValues(one, signal));
  }

  async *grow<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
  ): AsyncIterable<Growing<AnswerOf<R>>> {
    const tenants = tenantsOf(request.tenant);
    if (tenants.length === 1) {
      yield* this.frontend.grow({ ...request, tenant: tenants[0]! }, signal);
      return;
    }
    const left = new AbortController();
    const inner = AbortSignal.any([signal, left.signal]);
    const each = tenants.map((tenant) => this.frontend.grow({ ...request, tenant }, inner));
    try {
      for await (const growing of lastOfEach(each)) {
        yield {
          ...joined(request, growing),
          completeFromMs: Math.max(...growing.map(({ completeFromMs }) => completeFromMs)),
          isLast: growing.every(({ isLast }) => isLast),
        };
      }
    } finally {
      left.abort(); // one tenant may have failed
    }
  }

  async findTrace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FoundTrace | undefined> {
    const answers = await Promise.all(
      tenantsOf(tenant).map((one) => this.frontend.findTrace(one, traceId, signal)),
    );
    const found = answers.filter((one) => one !== undefined);
    if (found.length < 2) return found[0];
    return {
      // Protobuf messages one after the other are the message that has the fields of all.
      otlp: new Uint8Array(await new Blob(found.map(({ otlp }) => new Uint8Array(otlp))).bytes()),
      spanCount: sum(found.map(({ spanCount }) => spanCount)),
      inspectedBytes: sum(found.map(({ inspectedBytes }) => inspectedBytes)),
      partialBecause: found.map((one) => one.partialBecause).filter((why) => why !== "").join("; "),
    };
  }

  async #each<R extends QueryRequest>(
    request: R,
    ask: (one: R) => Promise<Answered<AnswerOf<R>>>,
  ): Promise<Answered<AnswerOf<R>>> {
    const tenants = tenantsOf(request.tenant);
    const answered = await Promise.all(tenants.map((tenant) => ask({ ...request, tenant })));
    return answered.length === 1 ? answered[0]! : joined(request, answered);
  }
}

function joined<R extends QueryRequest>(
  request: R,
  answered: readonly Answered<AnswerOf<R>>[],
): Answered<AnswerOf<R>> {
  const stats = answered.map((one) => one.stats);
  const explained = answered.flatMap((one) => one.explained ?? []);
  return {
    ...(explained.length > 0 && { explained }),
    answer: mergeAnswers(request, answered.map(({ answer }) => answer)),
    stats: {
      totalBlocks: sum(stats.map((one) => one.totalBlocks)),
      totalJobs: sum(stats.map((one) => one.totalJobs)),
      completedJobs: sum(stats.map((one) => one.completedJobs)),
      totalBlockBytes: sum(stats.map((one) => one.totalBlockBytes)),
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
