// The vector engine: questions about spans, answered over any SpanView.
export {
  ALL_ROW_GROUPS,
  type AnswerOf,
  type BlockJob,
  type QueryAnswer,
  type QueryCost,
  type QueryRequest,
  type ResultAttribute,
  type ResultSpan,
  type ResultSpanSet,
  type ResultTrace,
  type ResultValue,
  type SearchAnswer,
  type SearchPlace,
  type SearchRequest,
  type TagsAnswer,
  type TagsRequest,
  type TagValue,
  type TagValuesAnswer,
  type TagValuesRequest,
} from "./query_request.ts";
export type { MetricsAnswer, MetricsRequest } from "./metrics/metrics_answer.ts";
export {
  finishMetrics,
  type MetricsResult,
  type MetricsSample,
  type ResultSeries,
} from "./metrics/finish_metrics.ts";
export { gridPhase, type OffGrid, offGrid, onGrid } from "./metrics/off_grid.ts";
export { alignedTo, autoStep, floorTo, type NanoRange } from "./metrics/time_grid.ts";
export { compile, execute, type Plan, type PlanOf, query } from "./execute.ts";
export { type Progress, progressOf, type Run, startRun } from "./run.ts";
export { nameOfNeed, needsOf } from "./needs.ts";
export { prunedBecause } from "./prune.ts";
export { mergeAnswers, orderOf } from "./merge_answers.ts";
export { INTRINSIC_TAGS } from "./tags.ts";
export { answerBytes } from "./query_memory.ts";
