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
