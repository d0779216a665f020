// The questions of the query table, in groups as they are compared, with what the peer takes on such a
// machine and what is wanted here.

export interface Question {
  readonly name: string;
  /** Milliseconds. */
  readonly peer: number;
  readonly wanted: number;
  /** Path and parameters below the server's address. */
  path(range: TimeRange): string;
}

/** Unix seconds. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
}

export const QUESTIONS: readonly Question[] = [
  search("service", 18, 10, '{ resource.service.name = "checkout" }'),
  search("errors", 18, 10, "{ status = error }"),
  search("5xx", 25, 10, "{ span.http.status_code >= 500 }"),
  search("URL regex", 33, 15, "{ span.http.url =~ `.*/orders/[0-9]*42[0-9]*.*` }"),
  search(
    "unscoped attribute + duration",
    1012,
    120,
    '{ .app.build = "build-1007" && duration > 500ms }',
  ),
  search(
    "structural >>",
    319,
    90,
    '{ resource.service.name = "frontend" } >> { status = error }',
  ),
  search("by() | count()", 712, 80, "{} | by(resource.service.name) | count() > 5"),
  range("rate()", 95, 20, "{} | rate()"),
  range("rate by service", 217, 25, "{} | rate() by (resource.service.name)"),
  range(
    "quantiles by service",
    415,
    50,
    "{} | quantile_over_time(duration, .5, .9, .99) by (resource.service.name)",
  ),
  range("histogram", 249, 40, "{} | histogram_over_time(duration)"),
  range(
    "avg by a generic attribute",
    3500,
    200,
    "{} | avg_over_time(duration) by (span.app.region)",
  ),
  {
    name: "compare()",
    peer: 3300,
    wanted: 400,
    path: ({ start, end }) =>
      `/api/metrics/query_range?start=${start}&end=${end}&step=${end - start}s&q=` +
      encodeURIComponent("{} | compare({ status = error })"),
  },
  values("values: 30 services", 9, 5, "resource.service.name"),
  values("values: 7,500 users", 5500, 80, "span.enduser.id"),
];

function search(name: string, peer: number, wanted: number, query: string): Question {
  return {
    name,
    peer,
    wanted,
    path: ({ start, end }) =>
      `/api/search?limit=20&start=${start}&end=${end}&q=${encodeURIComponent(query)}`,
  };
}

function range(name: string, peer: number, wanted: number, query: string): Question {
  return {
    name,
    peer,
    wanted,
    path: ({ start, end }) =>
      `/api/metrics/query_range?start=${start}&end=${end}&q=${encodeURIComponent(query)}`,
  };
}

function values(name: string, peer: number, wanted: number, tag: string): Question {
  return {
    name,
    peer,
    wanted,
    path: ({ start, end }) => `/api/v2/search/tag/${tag}/values?start=${start}&end=${end}`,
  };
}
