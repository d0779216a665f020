// `backend_scheduler` and `backend_worker`: what is done to blocks after they are written. Both have a
// section `compaction`: the scheduler's says which blocks are merged, the worker's how long they are kept.
import { count, duration, flag, grpcClient, section, text } from "../keys.ts";
import { workerRing } from "./ring.ts";

const compaction = () =>
  section({
    compaction_window: duration("1h").describe("blocks whose ends lie in one window are merged"),
    max_compaction_objects: count(6_000_000).describe("traces of the blocks merged into one"),
    max_block_bytes: count(107_374_182_400),
    block_retention: duration("336h").describe("after the end of a block; 0s: for ever"),
    compacted_block_retention: duration("1h")
      .describe("between being merged or expired and being deleted"),
    retention_concurrency: count(10),
    max_time_per_tenant: duration("5m"),
    compaction_cycle: duration("30s"),
    v2_in_buffer_bytes: count(5 << 20),
    v2_out_buffer_bytes: count(20 << 20),
    v2_prefetch_traces_count: count(1000),
  });

export const backendScheduler = section({
  work: section({
    prune_age: duration("1h").describe("what has ended is remembered for so long"),
    dead_job_timeout: duration("24h").describe("a job that runs longer has failed"),
  }),
  maintenance_interval: duration("1m").describe("between looks at the block list"),
  backend_flush_interval: duration("1m").describe("between copies of the journal to the bucket"),
  job_timeout: duration("15s").describe("how long a worker that asks waits for a job"),
  local_work_path: text().describe("the scheduler's journal; empty: work/ below segno.data_path"),
  provider: section({
    retention: section({ interval: duration("1h") }),
    compaction: section({
      measure_interval: duration("1m"),
      max_jobs_per_tenant: count(1000),
      min_input_blocks: count(2),
      max_input_blocks: count(4),
      max_compaction_level: count(0).describe("0: any level is merged further"),
      min_cycle_interval: duration("30s"),
      compaction: compaction(),
    }),
    redaction: section({
      poll_interval: duration("2s"),
      rescan_delay: duration("5m"),
      max_rescan_generations: count(5),
    }),
  }),
});

export const backendWorker = section({
  backend_scheduler_addr: text(),
  backoff: section({
    min_period: duration("100ms"),
    max_period: duration("1m"),
    max_retries: count(0),
  }),
  compaction: compaction(),
  ring: workerRing,
  override_ring_key: text("backend-worker"),
  finish_on_shutdown_timeout: duration("30s"),
});

export const backendSchedulerClient = section({ grpc_client_config: grpcClient() });

export const usageReport = section({
  reporting_enabled: flag(true).describe("kept for older files; nothing is ever reported"),
  backoff: section({
    min_period: duration("100ms"),
    max_period: duration("10s"),
    max_retries: count(0),
  }),
});
