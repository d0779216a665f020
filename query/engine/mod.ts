// The vector engine: questions about spans, answered over any SpanView.
export type {
  AnswerOf,
  QueryAnswer,
  QueryCost,
  QueryRequest,
  ResultAttribute,
  ResultSpan,
  ResultSpanSet,
  ResultTrace,
  ResultValue,
  SearchAnswer,
  SearchRequest,
  TagsAnswer,
  TagsRequest,
  TagValue,
  TagValuesAnswer,
  TagValuesRequest,
} from "./query_request.ts";
export { compile, execute, type Plan, type PlanOf, query } from "./execute.ts";
export { mergeAnswers } from "./merge_answers.ts";
