// Recorded answers over HTTP that ours differ from on purpose, by file, group and name of the recording.
// What the engine answers in its own way has its reason in query/engine/golden_differences.ts.
import { searchDifferences, tagDifferences } from "../../query/engine/golden_differences.ts";

const FAILS = "the peer answers with status 500";
const RANGE = "a search that names no time has no bound (docs/adr/0003-query-window.md)";
const CHOICE = "which of more than the limit are told is anybody's choice";
const COMPARED =
  "which of equally frequent values are told is anybody's choice: compare_golden_test.ts";
const OWN_COLUMN = "values in dedicated columns are told; the peer leaves them out";
const SENT_TWICE = "a span that was sent twice counts once";
const LINE = "there is no line 0";
const GROUP_ORDER =
  "spansets of a trace stand in the order of their groups, and `spanSet` is the first";
const FAR = "a trace of 56 years: our nanoseconds round to 256";
const BACKWARDS =
  "a duration below zero is that, and told as 0; the peer wraps it around to 584 years, loses it in " +
  "comparisons and wraps what it makes of it";
const OWN_PAGE = "it is about this process: the next test compares its form";

/** By file, group and name. */
export const httpDifferences: Readonly<Record<string, string>> = {
  'search pipeline { resource.service.name =~ "tree-.*" } | by(span.depth % 2)': GROUP_ORDER,
  'search pipeline { resource.service.name = "worker" } | by(span.currency)': GROUP_ORDER,
  "search pipeline avg(duration) > 2s": FAR,
  "search variants legacy unknown parameter as tag": RANGE,
  "search variants no parameters": RANGE,
  "errors-traceql search ": RANGE,
  "errors-traceql search { span. }": LINE,
  "errors-traceql search {} | min(resource.service.name) > 1": "a service name may be a number",
  "errors-traceql search {} | count() > avg(duration)":
    "the recorded text is a format nobody filled in",
  "errors-traceql search {} | by(.a) | {} && {}": CHOICE,
  "errors-traceql search { /* c */ .a = 1 } // ok": SENT_TWICE,
  "errors-metrics query_range ({} | rate()) * 10s": LINE,
  "tags values-v1 v1 http.method": OWN_COLUMN,
  "tags values-v1 v1 status.code": "statuses are told as the words a query spells",
  "tags values-v2 v2 error": "refused as well, in the words of the parser",
  "tags values-v2 limit 2": CHOICE,
  'metrics-queries query_range { resource.service.name = "arrays" } | count_over_time() by (span.s)':
    "the peer tells two series with the same labels apart by an array that neither shows",
  'metrics-queries query_range { resource.service.name = "numbers" } | sum_over_time(span.mix)':
    "a text among the values makes the peer's sum not a number; only numbers are added",
  "metrics-queries query_range {} | count_over_time() by (span.http.status_code)": OWN_COLUMN,
  "metrics-queries variants maxSeries 3": CHOICE,
  "metrics-queries variants protobuf":
    "protobuf for those who ask for it, where the peer answers JSON",
  "metrics-queries errors start only":
    "the clock here stands two hours after the spans, within a day",
  'negative-duration search { resource.service.name = "times" }': BACKWARDS,
  'negative-duration search { resource.service.name = "times" && duration > 0 }': FAR,
  'negative-duration search { resource.service.name = "times" && duration > 500us }': FAR,
  'negative-duration search { resource.service.name = "times" && duration < 0 }': BACKWARDS,
  'negative-duration search { resource.service.name = "times" && duration < 1s }': BACKWARDS,
  'negative-duration search { resource.service.name = "times" && traceDuration > 0 }': BACKWARDS,
  'negative-duration query_range { resource.service.name = "times" } | max_over_time(duration)':
    BACKWARDS,
  'negative-duration query_range { resource.service.name = "times" } | min_over_time(duration)':
    BACKWARDS,
  'negative-duration query_range { resource.service.name = "times" } | histogram_over_time(duration)':
    BACKWARDS,
  "misc  /api/status/buildinfo": OWN_PAGE,
  "misc  /status": OWN_PAGE,
  "misc  /status/version": OWN_PAGE,
  "misc  /status/services": OWN_PAGE,
  "misc  /status/endpoints": OWN_PAGE,
  "misc  /status/config?mode=defaults": OWN_PAGE,
  "misc  /status/config?mode=diff": OWN_PAGE,
  "misc  /status/runtime_config": OWN_PAGE,
  "misc  /status/nosuch": "the peer closes the connection without an answer",
  "misc  PUT /api/search": RANGE,
  "trace-by-id v2-json dup-span-identical": SENT_TWICE,
  "trace-by-id ids v2 mode external": FAILS,
  "trace-by-id v2-llm accept llm": "the form for language models is unstable by contract",
};

/** Undefined: the answer must be the recorded one. */
export function httpDifference(file: string, group: string, name: string): string | undefined {
  if (name.includes("compare(")) return COMPARED;
  const own = httpDifferences[`${file} ${group} ${name}`];
  if (own !== undefined) return own;
  if (file === "search") return searchDifferences[name];
  if (file === "tags") return tagDifferences[`${name} ${group}`];
  return undefined;
}
