// A query of several tenants, `a|b` in the header: each is asked, the answers become one.
// Rule: all of them answer or the query fails; a tenant is never left out in silence.
import { mergeAnswers, type MetricsAnswer, type MetricsRequest } from "../query/engine/mod.ts";
import type {
  QueryCost,
  SearchAnswer,
  SearchRequest,
  TagsAnswer,
  TagsRequest,
  TagValuesAnswer,
  TagValuesRequest,
} from "../query/engine/mod.ts";
import type { Answered, FoundTrace, Frontend } from "../query/frontend/mod.ts";
import { tenantsOf } from "./tenant.ts";

/** Asks the frontend once for each tenant; a single tenant passes through untouched. */
export class AcrossTenants implements Frontend {
  constructor(readonly frontend: Frontend) {}

  search(request: SearchRequest, signal: AbortSignal): Promise<Answered<SearchAnswer>> {
    return this.#each(
      request,
      (one) => this.frontend.search(one, signal),
      (answers) => mergeAnswers(request, answers),
    );
  }

  metrics(request: MetricsRequest, signal: AbortSignal): Promise<Answered<MetricsAnswer>> {
    return this.#each(
      request,
      (one) => this.frontend.metrics(one, signal),
      (answers) => mergeAnswers(request, answers),
    );
  }

  tags(request: TagsRequest, signal: AbortSignal): Promise<Answered<TagsAnswer>> {
    return this.#each(request, (one) => this.frontend.tags(one, signal), (answers) => {
      const scopes: Record<string, string[]> = {};
      for (const [scope, tags] of answers.flatMap((answer) => Object.entries(answer.scopes))) {
        scopes[scope] = [...new Set([...scopes[scope] ?? [], ...tags])];
      }
      return { kind: "tags", scopes };
    });
  }

  tagValues(request: TagValuesRequest, signal: AbortSignal): Promise<Answered<TagValuesAnswer>> {
    return this.#each(request, (one) => this.frontend.tagValues(one, signal), (answers) => {
      const values = new Map(
        answers.flatMap((answer) => answer.values).map((v) => [`${v.type} ${v.value}`, v]),
      );
      const all = [...values.values()];
      return {
        kind: "tag_values",
        values: request.limit === 0 ? all : all.slice(0, request.limit),
      };
    });
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

  async #each<R extends { readonly tenant: string }, A extends QueryCost>(
    request: R,
    ask: (one: R) => Promise<Answered<A>>,
    merge: (answers: A[]) => Omit<A, keyof QueryCost>,
  ): Promise<Answered<A>> {
    const tenants = tenantsOf(request.tenant);
    if (tenants.length === 1) return await ask({ ...request, tenant: tenants[0]! });
    const answered = await Promise.all(tenants.map((tenant) => ask({ ...request, tenant })));
    const answers = answered.map(({ answer }) => answer);
    const cost: QueryCost = {
      inspectedTraces: sum(answers.map((answer) => answer.inspectedTraces)),
      inspectedSpans: sum(answers.map((answer) => answer.inspectedSpans)),
      inspectedBytes: sum(answers.map((answer) => answer.inspectedBytes)),
    };
    const stats = answered.map((one) => one.stats);
    const explained = answered.flatMap((one) => one.explained ?? []);
    return {
      ...(explained.length > 0 && { explained }),
      answer: { ...merge(answers), ...cost } as A,
      stats: {
        totalBlocks: sum(stats.map((one) => one.totalBlocks)),
        totalJobs: sum(stats.map((one) => one.totalJobs)),
        completedJobs: sum(stats.map((one) => one.completedJobs)),
        totalBlockBytes: sum(stats.map((one) => one.totalBlockBytes)),
      },
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
