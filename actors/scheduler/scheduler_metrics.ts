// What is counted of jobs, under the names that dashboards know.
import { exponentialBuckets, type Metrics } from "../../lib/metrics.ts";

export type SchedulerMetrics = ReturnType<typeof schedulerMetrics>;

export function schedulerMetrics(metrics: Metrics) {
  const name = (rest: string) => `tempo_backend_scheduler_${rest}`;
  const ofJobs = (rest: string, help: string) =>
    metrics.counter(name(rest), help, ["tenant", "job_type"]);
  return {
    created: ofJobs("jobs_created_total", "Jobs given out for the first time."),
    completed: ofJobs("jobs_completed_total", "Jobs done."),
    failed: ofJobs("jobs_failed_total", "Jobs that failed."),
    dropped: ofJobs("jobs_dropped_total", "Jobs whose blocks were gone before they began."),
    active: metrics.gauge(name("jobs_active"), "Jobs that run.", ["tenant", "job_type"]),
    pending: metrics.gauge(name("jobs_pending"), "Jobs that wait for a worker.", [
      "tenant",
      "job_type",
    ]),
    retried: metrics.counter(name("jobs_retry_total"), "Jobs given out again.", [
      "tenant",
      "job_type",
      "worker_id",
    ]),
    notFound: metrics.counter(name("jobs_not_found_total"), "Workers that got no job.", [
      "worker_id",
    ]),
    seconds: metrics.histogram(
      name("job_duration_seconds"),
      "Time of jobs, from being given out to being done.",
      exponentialBuckets(0.1, 4, 8),
      ["job_type"],
    ),
    merged: metrics.counter(name("provider_jobs_merged_total"), "Jobs by who had them ready.", [
      "id",
    ]),
    flushes: metrics.counter(name("work_flushes_total"), "Copies of the state to the bucket."),
    flushesFailed: metrics.counter(
      name("work_flushes_failed_total"),
      "Copies of the state to the bucket that failed.",
    ),
    fileBytes: metrics.histogram(
      name("work_cache_file_size_bytes"),
      "Size of the copy of the state in the bucket.",
      exponentialBuckets(1024, 4, 8),
    ),
    redacted: metrics.counter(name("redaction_traces_found_total"), "Traces that were to go.", [
      "tenant",
      "mode",
    ]),
    compactionsCreated: metrics.counter(
      name("compaction_jobs_created_total"),
      "Compactions given out.",
      ["tenant"],
    ),
    tenantReset: metrics.counter(
      name("compaction_tenant_reset_total"),
      "Times that a tenant's jobs were planned anew.",
      ["tenant"],
    ),
    tenantEmpty: metrics.counter(
      name("compaction_tenant_empty_job_total"),
      "Planned compactions whose blocks had changed.",
    ),
    emptyCycle: metrics.counter(
      name("compaction_empty_tenant_cycle_total"),
      "Times that planning found nothing to merge.",
    ),
    outstanding: metrics.gauge(
      "tempodb_compaction_outstanding_blocks",
      "Blocks that wait to be merged.",
      ["tenant"],
    ),
    damage: metrics.counter(
      "segno_scheduler_damaged_state_total",
      "Files of the scheduler's state that were set aside.",
    ),
  };
}
