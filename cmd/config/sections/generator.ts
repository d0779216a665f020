// `metrics_generator`, and the keys of its processors, which overrides repeat for each tenant.
import { z } from "zod";

import {
  anyList,
  anything,
  count,
  duration,
  flag,
  section,
  text,
  textMap,
  texts,
  word,
} from "../keys.ts";
import { remoteWrite } from "./remote_write.ts";
import { ring } from "./ring.ts";

const buckets = (values: number[]) => z.array(z.number()).default(values);
const dimensionMappings = () =>
  z.array(z.strictObject({
    name: z.string(),
    source_labels: z.array(z.string()).default([]),
    join: z.string().default(""),
  })).default([]);

export const serviceGraphs = {
  wait: duration("10s"),
  max_items: count(10_000),
  workers: count(10),
  histogram_buckets: buckets([.1, .2, .4, .8, 1.6, 3.2, 6.4, 12.8]),
  dimensions: texts(),
  enable_client_server_prefix: flag(),
  enable_messaging_system_latency_histogram: flag(),
  enable_virtual_node_label: flag(),
  peer_attributes: texts(["peer.service", "db.name", "db.system", "db.system.name"]),
  span_multiplier_key: text(),
  enable_tracestate_span_multiplier: flag(),
  database_name_attributes: texts(["db.namespace", "db.name", "db.system", "db.system.name"]),
  filter_policies: anyList(),
} as const;

export const spanMetrics = {
  histogram_buckets: buckets(Array.from({ length: 14 }, (_, n) => 0.002 * 2 ** n)),
  intrinsic_dimensions: section({
    service: flag(true),
    span_name: flag(true),
    span_kind: flag(true),
    status_code: flag(true),
    status_message: flag(),
  }),
  dimensions: texts(),
  dimension_mappings: dimensionMappings(),
  enable_target_info: flag(),
  target_info_excluded_dimensions: texts(),
  enable_instance_label: flag(true),
  span_multiplier_key: text(),
  enable_tracestate_span_multiplier: flag(),
  filter_policies: anyList(),
} as const;

export const hostInfo = {
  host_identifiers: texts(["k8s.node.name", "host.id"]),
  metric_name: text("traces_host_info"),
} as const;

export const metricsGenerator = section({
  ring: ring({ heartbeat_period: "5s", heartbeat_timeout: "1m" }),
  ring_mode: word(["partition", "generator"], "partition"),
  codec: word(["push-bytes", "otlp"], "push-bytes"),
  limiter_type: word(["series", "entity"], "series"),
  ingest_concurrency: count(16),
  instance_id: text(),
  leave_consumer_group_on_shutdown: flag(),
  skip_stale_backlog_on_startup: flag(),
  metrics_ingestion_time_range_slack: duration("30s"),
  override_ring_key: text("metrics-generator"),
  registry: section({
    collection_interval: duration("15s"),
    stale_duration: duration("15m"),
    external_labels: textMap(),
    inject_tenant_id_as: text(),
    max_label_name_length: count(1024),
    max_label_value_length: count(2048),
  }),
  storage: section({
    path: text(),
    wal: section({
      wal_segment_size: count(134_217_728),
      wal_compression: text("none"),
      stripe_size: count(16_384),
      truncate_frequency: duration("2h"),
      min_wal_time: count(300_000),
      max_wal_time: count(14_400_000),
      no_lockfile: flag(),
    }),
    remote_write_flush_deadline: duration("1m"),
    remote_write_add_org_id_header: flag(true),
    remote_write: z.array(remoteWrite).default([]),
  }),
  processor: section({
    service_graphs: section(serviceGraphs),
    span_metrics: section(spanMetrics),
    host_info: section(hostInfo),
  }),
});

export const metricsGeneratorClient = section({
  pool_config: anything(),
  remote_timeout: duration("5s"),
  grpc_client_config: anything(),
});
