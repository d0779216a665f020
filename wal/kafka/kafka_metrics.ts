// What a Kafka log counts, under the names that dashboards of the peer ask for where it has one.
import { exponentialBuckets, type Metrics, SECONDS_BUCKETS } from "../../lib/metrics.ts";

export type KafkaMetrics = ReturnType<typeof bindKafkaMetrics>;

export function bindKafkaMetrics(metrics: Metrics) {
  return {
    writeSeconds: metrics.histogram(
      "tempo_distributor_kafka_write_latency_seconds",
      "Time of a request to Kafka until it was acknowledged or given up.",
      SECONDS_BUCKETS,
    ),
    bytes: metrics.counter(
      "tempo_distributor_kafka_write_bytes_total",
      "Bytes of record values that Kafka has acknowledged.",
      ["partition"],
    ),
    producedBytes: metrics.counter(
      "tempo_distributor_produce_bytes_total",
      "Bytes of record values that Kafka has acknowledged, of all partitions.",
    ),
    records: metrics.counter(
      "tempo_distributor_produce_records_total",
      "Records that Kafka has acknowledged.",
    ),
    failures: metrics.counter(
      "tempo_distributor_produce_failures_total",
      "Records that could not be written.",
      ["reason"],
    ),
    bufferedLimit: metrics.gauge(
      "tempo_distributor_buffered_produce_bytes_limit",
      "How many bytes of values may wait for Kafka.",
    ),
    receiveDelay: metrics.histogram(
      "tempo_ingest_storage_reader_receive_delay_seconds",
      "From the time of a record until it was read, the last of each fetch.",
      exponentialBuckets(.01, 2, 16),
    ),
    recordsPerFetch: metrics.histogram(
      "tempo_ingest_storage_reader_records_per_fetch",
      "Records of each fetch that had some.",
      exponentialBuckets(1, 2, 15),
    ),
    fetchErrors: metrics.counter(
      "segno_kafka_fetch_errors_total",
      "Fetches that failed; reading goes on by itself.",
      ["partition"],
    ),
    lostRecords: metrics.counter(
      "segno_kafka_lost_records_total",
      "Records that the topic's retention removed before they were read.",
      ["partition"],
    ),
  };
}
