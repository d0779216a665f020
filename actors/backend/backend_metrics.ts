// What is counted of compaction and retention, under the names that dashboards know.
import type { Metrics } from "../../lib/metrics.ts";
import { exponentialBuckets } from "../../lib/metrics.ts";

export type JobType = "JOB_TYPE_COMPACTION" | "JOB_TYPE_RETENTION";

export type BackendMetrics = ReturnType<typeof backendMetrics>;

export function backendMetrics(metrics: Metrics) {
  const scheduler = (name: string, help: string) =>
    metrics.counter(`tempo_backend_scheduler_${name}`, help, ["tenant", "job_type"]);
  return {
    created: scheduler("jobs_created_total", "Jobs begun."),
    completed: scheduler("jobs_completed_total", "Jobs done."),
    failed: scheduler("jobs_failed_total", "Jobs that failed."),
    active: metrics.gauge("tempo_backend_scheduler_jobs_active", "Jobs that run.", [
      "tenant",
      "job_type",
    ]),
    seconds: metrics.histogram(
      "tempo_backend_scheduler_job_duration_seconds",
      "Time of jobs.",
      exponentialBuckets(0.1, 4, 8),
      ["job_type"],
    ),
    outstanding: metrics.gauge(
      "tempodb_compaction_outstanding_blocks",
      "Blocks that wait to be merged.",
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
      "Time of retention of all tenants.",
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
