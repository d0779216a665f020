// What delivery counts, under the names that Prometheus has for its agent's log and its remote writes, as dashboards of
// the peer ask for them.
import type { Metrics } from "../../lib/metrics.ts";
import { KINDS, type Kinds } from "./write_request.ts";

interface Counts {
  inc(by?: number): void;
}

interface Level extends Counts {
  set(value: number): void;
  dec(by?: number): void;
}

/** Of points and exemplars, each kind by itself. */
export type KindCounts = Readonly<Record<keyof Kinds, Counts>>;

/** Of the log of one tenant. */
export interface LogCounts extends KindCounts {
  readonly late: Counts;
  readonly corruptions: Counts;
  readonly writesFailed: Counts;
  readonly truncations: Counts;
  readonly lostSegments: Counts;
  readonly sizeBytes: Level;
  readonly segment: Level;
  readonly newestSeconds: Level;
}

/** Of the remote writes of one tenant to one endpoint. */
export interface EndpointCounts {
  readonly sent: KindCounts;
  readonly failed: KindCounts;
  readonly retried: KindCounts;
  /** Neither sent nor failed: too old for the endpoint's queue. */
  readonly tooOld: KindCounts;
  readonly bytes: Counts;
  readonly pending: Level;
  readonly exemplarsPending: Level;
  readonly histogramsPending: Level;
  /** The newest collection that there is to send. */
  readonly newestSeconds: Level;
  readonly seconds: { observe(value: number): void };
  readonly sentSeconds: Level;
}

const OF_TENANT = ["tenant"];
const OF_ENDPOINT = ["tenant", "remote_name", "url"];
const SHARDS = [
  ["shards", "Requests of one collection at a time."],
  ["shards_desired", "Requests of one collection at a time."],
  ["shards_max", "Requests of one collection at a time, at most."],
] as const;
const SECONDS = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300];

export function add(to: KindCounts, counted: Kinds): void {
  for (const kind of KINDS) to[kind].inc(counted[kind]);
}

export function logCounts(metrics: Metrics, tenant: string): LogCounts {
  const counter = (name: string, help: string) => {
    const child = metrics.counter(name, help, OF_TENANT).labels(tenant);
    child.inc(0);
    return child;
  };
  const gauge = (name: string, help: string) => metrics.gauge(name, help, OF_TENANT).labels(tenant);
  const appended = metrics.counter(
    "prometheus_agent_samples_appended_total",
    "Points appended to the log, by kind.",
    ["tenant", "type"],
  );
  return {
    samples: appended.labels(tenant, "float"),
    histograms: appended.labels(tenant, "histogram"),
    exemplars: counter(
      "prometheus_agent_exemplars_appended_total",
      "Exemplars appended to the log.",
    ),
    late: counter(
      "prometheus_agent_out_of_order_samples_total",
      "Points left out because the series has a newer one.",
    ),
    corruptions: counter(
      "prometheus_agent_corruptions_total",
      "Segments that ended with bytes that are no collection, as a crash leaves them.",
    ),
    writesFailed: counter(
      "prometheus_tsdb_wal_writes_failed_total",
      "Collections that could not be written.",
    ),
    truncations: counter("prometheus_tsdb_wal_truncations_total", "Segments removed."),
    lostSegments: counter(
      "segno_generator_lost_segments_total",
      "Segments removed although an endpoint did not have all of them.",
    ),
    sizeBytes: gauge("prometheus_tsdb_wal_storage_size_bytes", "Of all segments."),
    segment: gauge("prometheus_tsdb_wal_segment_current", "The number of the newest segment."),
    newestSeconds: gauge(
      "prometheus_remote_storage_highest_timestamp_in_seconds",
      "The newest collection, Unix seconds.",
    ),
  };
}

export function endpointCounts(
  metrics: Metrics,
  tenant: string,
  name: string,
  url: string,
  { samplesMax, atOnce }: { readonly samplesMax: number; readonly atOnce: number },
): EndpointCounts {
  const gauge = (what: string, help: string) =>
    metrics.gauge(`prometheus_remote_storage_${what}`, help, OF_ENDPOINT).labels(tenant, name, url);
  // There from the beginning, so that the first failure is a step from 0.
  const counter = (what: string, help: string) => {
    const child = metrics.counter(`prometheus_remote_storage_${what}`, help, OF_ENDPOINT)
      .labels(tenant, name, url);
    child.inc(0);
    return child;
  };
  // Lanes of one queue, always as many: who looks for shards finds them.
  for (const [what, help] of SHARDS) gauge(what, help).set(atOnce);
  gauge("shards_min", "Requests of one collection at a time, at least.").set(1);
  gauge("max_samples_per_send", "Samples of one request, at most.").set(samplesMax);
  gauge("shard_capacity", "Samples of one request, at most; the queue is the log.").set(samplesMax);
  counter("enqueue_retries_total", "Always 0: the queue is the log, and has room.");
  const kinds = (what: string, help: string): KindCounts => {
    const [samples, histograms, exemplars] = KINDS.map((kind) =>
      counter(`${kind}_${what}`, `Of ${kind}: ${help}`)
    );
    return { samples: samples!, histograms: histograms!, exemplars: exemplars! };
  };
  return {
    sent: kinds("total", "those that the endpoint was sent and has acknowledged."),
    failed: kinds("failed_total", "those that the endpoint has refused."),
    retried: kinds("retried_total", "those sent again after a failure."),
    tooOld: kinds("dropped_total", "those that were too old to be sent."),
    bytes: counter("bytes_total", "Bytes of requests that were acknowledged, compressed."),
    pending: gauge("samples_pending", "Samples of a collection that is being sent."),
    exemplarsPending: gauge("exemplars_pending", "Exemplars of a collection that is being sent."),
    histogramsPending: gauge(
      "histograms_pending",
      "Histograms of a collection that is being sent.",
    ),
    newestSeconds: gauge(
      "queue_highest_timestamp_seconds",
      "The newest collection that was read to be sent, Unix seconds.",
    ),
    seconds: metrics.histogram(
      "prometheus_remote_storage_sent_batch_duration_seconds",
      "Time of a request.",
      SECONDS,
      OF_ENDPOINT,
    ).labels(tenant, name, url),
    sentSeconds: gauge(
      "queue_highest_sent_timestamp_seconds",
      "The newest collection that is acknowledged, Unix seconds.",
    ),
  };
}
