// What the distributor counts, under Tempo's names. Children are bound once per tenant.
import {
  type Counter,
  exponentialBuckets,
  type Histogram,
  SECONDS_BUCKETS,
} from "../lib/metrics.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { AttributeScope } from "./truncate.ts";

export type DiscardReason =
  | "rate_limited"
  | "invalid_trace_id"
  | "invalid_span_id"
  | "unknown_error";

export type Transport = "grpc" | "http";

interface TenantCounters {
  readonly ingressBytes: Counter.Internal;
  readonly receivedBytes: Counter.Internal;
  readonly receivedSpans: Counter.Internal;
}

export class DistributorMetrics {
  readonly pushSeconds: Histogram;
  readonly tracesPerBatch: Histogram;
  readonly recordsPerRequest: Histogram;
  readonly appendSeconds: Histogram;
  readonly #addedLatency: Histogram;
  readonly #ingressBytes: Counter;
  readonly #receivedBytes: Counter;
  readonly #receivedSpans: Counter;
  readonly #truncated: Counter;
  readonly #discarded: Counter;
  readonly #accepted: Counter;
  readonly #refused: Counter;
  readonly #tenants = new Map<string, TenantCounters>();

  constructor(metrics: Metrics) {
    const counter = (name: string, help: string, labels: string[]) =>
      metrics.counter(name, help, labels);
    const histogram = (name: string, help: string, buckets: number[], labels: string[] = []) =>
      metrics.histogram(name, help, buckets, labels);
    this.pushSeconds = histogram(
      "tempo_distributor_push_duration_seconds",
      "Time to take a request, until it is durable.",
      SECONDS_BUCKETS,
    );
    this.tracesPerBatch = histogram(
      "tempo_distributor_traces_per_batch",
      "Traces in a request.",
      exponentialBuckets(2, 2, 10),
    );
    this.recordsPerRequest = histogram(
      "tempo_distributor_kafka_records_per_request",
      "Records a request became.",
      SECONDS_BUCKETS, // as Tempo has them
    );
    this.appendSeconds = histogram(
      "tempo_distributor_kafka_write_latency_seconds",
      "Time until the log had the records of a request.",
      SECONDS_BUCKETS,
    );
    this.#addedLatency = histogram(
      "tempo_distributor_added_latency_seconds",
      "Artificial delay.",
      SECONDS_BUCKETS,
      ["tenant"],
    );
    this.#ingressBytes = counter(
      "tempo_distributor_ingress_bytes_total",
      "Bytes of requests, before limits.",
      ["tenant"],
    );
    this.#receivedBytes = counter(
      "tempo_distributor_bytes_received_total",
      "Bytes of requests within limits.",
      ["tenant"],
    );
    this.#receivedSpans = counter(
      "tempo_distributor_spans_received_total",
      "Spans of requests within limits.",
      ["tenant"],
    );
    this.#truncated = counter(
      "tempo_distributor_attributes_truncated_total",
      "Attribute keys and values cut.",
      ["tenant", "scope"],
    );
    this.#discarded = counter("tempo_discarded_spans_total", "Spans not kept.", [
      "reason",
      "tenant",
    ]);
    this.#accepted = counter("tempo_receiver_accepted_spans", "Spans taken.", [
      "receiver",
      "transport",
    ]);
    this.#refused = counter("tempo_receiver_refused_spans", "Spans refused.", [
      "receiver",
      "transport",
    ]);
  }

  ofTenant(tenant: string): TenantCounters {
    let counters = this.#tenants.get(tenant);
    if (counters === undefined) {
      counters = {
        ingressBytes: this.#ingressBytes.labels(tenant),
        receivedBytes: this.#receivedBytes.labels(tenant),
        receivedSpans: this.#receivedSpans.labels(tenant),
      };
      this.#tenants.set(tenant, counters);
    }
    return counters;
  }

  countCuts(tenant: string, cuts: Readonly<Record<AttributeScope, number>>): void {
    for (const [scope, count] of Object.entries(cuts)) {
      if (count > 0) this.#truncated.labels(tenant, scope).inc(count);
    }
  }

  countDiscarded(reason: DiscardReason, tenant: string, spans: number): void {
    this.#discarded.labels(reason, tenant).inc(spans);
  }

  countAccepted(receiver: string, transport: Transport, spans: number): void {
    this.#accepted.labels(receiver, transport).inc(spans);
  }

  countRefused(receiver: string, transport: Transport, spans: number): void {
    this.#refused.labels(receiver, transport).inc(spans);
  }

  observeDelay(tenant: string, seconds: number): void {
    this.#addedLatency.labels(tenant).observe(seconds);
  }
}
