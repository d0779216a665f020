// `live_store` and `block_builder`: the two folds of a partition, and the client of the first.
import { z } from "zod";

import { count, duration, flag, grpcClient, ratio, section, text } from "../keys.ts";
import { partitionRing, ring } from "./ring.ts";
import { blockKeys } from "./storage.ts";

const wal = (path: string) =>
  section({ path: text(path), ingestion_time_range_slack: duration("2m") });

export const liveStore = section({
  ring: ring({ heartbeat_period: "5s", heartbeat_timeout: "1m" }),
  partition_ring: partitionRing,
  metrics: section({ time_overlap_cutoff: ratio(0.2) }),
  commit_interval: duration("5s"),
  wal: wal("/var/tempo/live-store/traces"),
  block_config: section(blockKeys),
  block: section(blockKeys),
  query_block_concurrency: count(10),
  complete_block_timeout: duration("20m"),
  complete_block_concurrency: count(2),
  block_reclaim_grace: duration("2m"),
  shutdown_marker_dir: text("/var/tempo/live-store/shutdown-marker"),
  flush_check_period: duration("5s"),
  flush_op_timeout: duration("5m"),
  max_trace_live: duration("30s"),
  max_trace_idle: duration("5s"),
  max_live_traces_bytes: count(250_000_000),
  max_block_duration: duration("30s"),
  max_block_bytes: count(52_428_800),
  readiness_target_lag: duration("0s"),
  readiness_max_wait: duration("30m"),
  fail_on_high_lag: flag(true),
  remove_owner_on_shutdown: flag(true),
});

export const liveStoreClient = section({
  pool_config: section({
    checkinterval: duration("15s"),
    healthcheckenabled: flag(true),
    healthchecktimeout: duration("1s"),
  }),
  remote_timeout: duration("5s"),
  grpc_client_config: grpcClient(),
});

export const blockBuilder = section({
  instance_id: text().describe("empty: the host's name"),
  assigned_partitions: z.record(z.string(), z.array(z.int().min(0))).default({}),
  partitions_per_instance: count(0),
  consume_cycle_duration: duration("5m"),
  max_consuming_bytes: count(5_000_000_000),
  block: section({ ...blockKeys, max_block_bytes: count(20_971_520) }),
  wal: wal("/var/tempo/block-builder/traces"),
});
