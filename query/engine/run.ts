// One question to many views, one after the other or several at a time: what each adds to the answer.
// Rule: the answer of a run is the merge of the answers of its views, in any order; a run costs less,
// for what views have in common is made once.

import type { SpanView } from "../../model/span_view.ts";
import { MetricsRun } from "./metrics/run_metrics.ts";
import type { MetricsPlan } from "./metrics/metrics_plan.ts";
import { mergeAnswers, orderOf } from "./merge_answers.ts";
import type { Plan } from "./execute.ts";
import { prunedBecause } from "./prune.ts";
import type { QueryAnswer, SearchAnswer, TagsAnswer } from "./query_request.ts";
import { answerBytes, QueryMemory } from "./query_memory.ts";
import { runSearch } from "./search.ts";
import { TagValuesRun } from "./tag_values.ts";
import { runTags } from "./tags.ts";

export interface Run {
  add(view: SpanView, signal: AbortSignal): Promise<void>;
  /** Of a view that was asked before; its kind is that of the question. */
  addAnswer(part: QueryAnswer): void;
  answer(): QueryAnswer;
  progress(): Progress;
}

/** How far a question has come that may have enough before its end. */
export interface Progress {
  /** Traces or values; 0 of what is never enough. */
  readonly found: number;
  /** When the last of the traces starts. */
  readonly oldestNano: bigint | undefined;
}

export function progressOf(answer: QueryAnswer): Progress {
  switch (answer.kind) {
    case "search": {
      const last = answer.traces.at(-1);
      return { found: answer.traces.length, oldestNano: last && orderOf(last) };
    }
    case "tag_values":
      return { found: answer.values.length, oldestNano: undefined };
    default:
      return { found: 0, oldestNano: undefined };
  }
}

/** A view that has no part in the answer is not looked at. */
export function startRun(plan: Plan): Run {
  const run = runOf(plan);
  return {
    add: async (view, signal) => {
      const why = prunedBecause(plan, view);
      if (why === undefined) await run.add(view, signal);
      else view.watch?.pruned(why);
    },
    addAnswer: (part) => run.addAnswer(part),
    answer: () => run.answer(),
    progress: () => run.progress(),
  };
}

function runOf(plan: Plan): Run {
  switch (plan.kind) {
    case "metrics":
      return new MetricsRun(plan satisfies MetricsPlan);
    case "tag_values":
      return new TagValuesRun(plan);
    case "search":
      return merging<SearchAnswer>(
        (view, signal) => runSearch(plan, view, signal),
        (answers) => mergeAnswers(plan.request, answers),
        new QueryMemory(plan.request.memoryBytesMax),
      );
    case "tags":
      return merging<TagsAnswer>(
        (view, signal) => runTags(plan, view, signal),
        (answers) => mergeAnswers(plan.request, answers),
        new QueryMemory(plan.request.memoryBytesMax),
      );
  }
}

function merging<A extends QueryAnswer>(
  run: (view: SpanView, signal: AbortSignal) => Promise<A>,
  merge: (answers: A[]) => A,
  memory: QueryMemory,
): Run {
  const nothing = merge([]);
  let answer: A | undefined;
  const addAnswer = (part: A) => {
    memory.take(answerBytes(part));
    answer = answer === undefined ? part : merge([answer, part]);
    memory.give(memory.bytes - answerBytes(answer));
  };
  return {
    add: async (view, signal) => addAnswer(await run(view, signal)),
    addAnswer: (part) => addAnswer(part as A),
    answer: () => answer ?? nothing,
    progress: () => progressOf(answer ?? nothing),
  };
}
