// The metrics of calls between services: how many, how many failed, how long each side says they took.

import type { HistogramMetric } from "./histogram_metric.ts";
import type { Registry } from "./registry.ts";
import type { ProcessorName, ServiceGraphSettings } from "./settings.ts";
import type { ValueMetric } from "./value_metric.ts";

const PREFIX = "traces_service_graph_";

export class EdgeMetrics {
  readonly names: readonly string[];
  /** Of Prometheus, for an edge that never failed. */
  readonly seriesOfEdge: number;
  readonly #total: ValueMetric | undefined;
  readonly #failed: ValueMetric | undefined;
  readonly #client: HistogramMetric | undefined;
  readonly #server: HistogramMetric | undefined;
  readonly #messaging: HistogramMetric | undefined;
  readonly #info: ValueMetric | undefined;

  constructor(
    registry: Registry,
    { buckets, hasMessagingLatency }: ServiceGraphSettings,
    parts: ReadonlySet<ProcessorName>,
    nowMs: number,
  ) {
    const hasRequests = parts.has("service-graphs-request");
    const hasLatency = parts.has("service-graphs-latency");
    const counter = (name: string) => registry.counter(PREFIX + name, nowMs);
    const histogram = (name: string) => registry.histogram(PREFIX + name, buckets, nowMs);
    this.#total = hasRequests ? counter("request_total") : undefined;
    this.#failed = hasRequests ? counter("request_failed_total") : undefined;
    this.#client = hasLatency ? histogram("request_client_seconds") : undefined;
    this.#server = hasLatency ? histogram("request_server_seconds") : undefined;
    this.#messaging = hasLatency && hasMessagingLatency
      ? histogram("request_messaging_system_seconds")
      : undefined;
    this.#info = parts.has("service-graphs-connection-info")
      ? registry.gauge(`${PREFIX}connection_info`, nowMs)
      : undefined;
    const made = [
      ...[this.#total, this.#failed, this.#info],
      ...[this.#client, this.#server, this.#messaging],
    ];
    this.names = made.flatMap((metric) => metric === undefined ? [] : [metric.name]);
    this.seriesOfEdge = (hasRequests ? 1 : 0) + (this.#info ? 1 : 0) +
      (hasLatency ? 2 * registry.seriesOfHistogram(buckets) : 0);
  }

  count(entity: number, isFailed: boolean, weight: number, nowMs: number): void {
    this.#total?.add(entity, weight, nowMs);
    if (isFailed) this.#failed?.add(entity, weight, nowMs);
    this.#info?.set(entity, 1, nowMs);
  }

  observe(
    entity: number,
    clientSeconds: number,
    serverSeconds: number,
    weight: number,
    traceIds: Uint32Array,
    at: number,
    nowMs: number,
  ): void {
    this.#server?.observe(entity, serverSeconds, weight, traceIds, at, nowMs);
    this.#client?.observe(entity, clientSeconds, weight, traceIds, at, nowMs);
  }

  observeMessaging(
    entity: number,
    seconds: number,
    weight: number,
    traceIds: Uint32Array,
    at: number,
    nowMs: number,
  ): void {
    this.#messaging?.observe(entity, seconds, weight, traceIds, at, nowMs);
  }
}
