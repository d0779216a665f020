// What an embedded log counts.
import { exponentialBuckets, type Metrics } from "../lib/metrics.ts";

export type LogMetrics = ReturnType<typeof bindLogMetrics>;

export function bindLogMetrics(metrics: Metrics) {
  return {
    commits: metrics.counter("segno_log_commits_total", "Group commits, one fdatasync each."),
    failures: metrics.counter(
      "segno_log_failed_commits_total",
      "Group commits that the disk refused; their appends were answered with a retryable error.",
    ),
    commitSeconds: metrics.histogram(
      "segno_log_commit_duration_seconds",
      "Time from the start of a group commit until it was durable.",
      exponentialBuckets(.0001, 2, 15),
    ),
    writtenBytes: metrics.counter("segno_log_written_bytes_total", "Bytes made durable."),
    pendingBytes: metrics.gauge(
      "segno_log_pending_bytes",
      "Appended bytes that wait for the disk.",
    ),
    segments: metrics.gauge("segno_log_segments", "Segment files kept."),
    keptBytes: metrics.gauge("segno_log_kept_bytes", "Bytes of the segments kept."),
    tornTailBytes: metrics.counter(
      "segno_log_torn_tail_bytes_total",
      "Bytes that a crash left unfinished, dropped when the log was opened.",
    ),
    corruptSegments: metrics.counter(
      "segno_log_corrupt_segments_total",
      "Log files found to hold something else than was written.",
    ),
  };
}
