// What is counted of a worker, and of compaction and retention, under the names that dashboards know.
import { exponentialBuckets, type Metrics } from "../../lib/metrics.ts";

export type WorkerMetrics = ReturnType<typeof workerMetrics>;

export function workerMetrics(metrics: Metrics) {
  const worker = (rest: string) => `tempo_backend_worker_${rest}`;
  return {
    jobs: metrics.counter(worker("jobs_total"), "Jobs taken."),
    badJobs: metrics.counter(worker("bad_jobs_received_total"), "Jobs that make no sense.", [
      "status",
    ]),
    callRetries: metrics.counter(
      worker("call_retries_total"),
      "Calls of the scheduler that failed and are made again.",
    ),
    redactionMissing: metrics.counter(
      worker("redaction_block_missing_total"),
      "Redactions whose block was no longer there.",
      ["tenant"],
    ),
    blocks: metrics.counter("tempodb_compaction_blocks_total", "Blocks merged.", ["level"]),
    bytes: metrics.counter("tempodb_compaction_bytes_written_total", "Bytes of merged blocks.", [
      "level",
    ]),
    objects: metrics.counter("tempodb_compaction_objects_written_total", "Traces written.", [
      "level",
    ]),
    combined: metrics.counter(
      "tempodb_compaction_objects_combined_total",
      "Traces put together from several blocks.",
      ["level"],
    ),
    outputBytes: metrics.histogram(
      "tempodb_compaction_output_block_size_bytes",
      "Size of merged blocks.",
      exponentialBuckets(1 << 20, 4, 9),
    ),
    deduplicated: metrics.counter(
      "tempodb_compaction_spans_deduped_total",
      "Spans that lay in several blocks.",
    ),
    errors: metrics.counter("tempodb_compaction_errors_total", "Compactions that failed."),
    discarded: metrics.counter("tempo_discarded_spans_total", "Spans not kept.", [
      "reason",
      "tenant",
    ]),
    retentionSeconds: metrics.histogram(
      "tempodb_retention_duration_seconds",
      "Time of a retention job.",
      exponentialBuckets(0.01, 4, 8),
    ),
    marked: metrics.counter(
      "tempodb_retention_marked_for_deletion_total",
      "Blocks whose time was over.",
    ),
    deleted: metrics.counter("tempodb_retention_deleted_total", "Blocks deleted."),
    retentionErrors: metrics.counter("tempodb_retention_errors_total", "Blocks not deleted."),
    swept: metrics.counter("segno_leftovers_swept_total", "What crashes had left.", ["kind"]),
  };
}
