// The one histogram of all requests, HTTP and gRPC, whichever listener took them.
import type { Histogram, Metrics } from "./metrics.ts";

const REQUEST_BUCKETS = [.01, .025, .05, .1, .25, .5, 1, 1.5, 2.5, 5, 10, 25, 50, 100];

export type RequestLabel = "method" | "route" | "status_code" | "ws";

/**
 * Labels: `method` is the HTTP method or `gRPC`; `route` the path as words joined by `_`, or the full
 * gRPC method; `status_code` the HTTP status, or `success` and `error`; `ws` is always "false".
 */
export function requestDuration(metrics: Metrics): Histogram<RequestLabel> {
  return metrics.histogram<RequestLabel>(
    "tempo_request_duration_seconds",
    "Time to answer a request.",
    REQUEST_BUCKETS,
    ["method", "route", "status_code", "ws"],
  );
}
