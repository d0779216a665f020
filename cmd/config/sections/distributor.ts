// `distributor`: where spans come in. Receivers use the OpenTelemetry collector's syntax.
import { z } from "zod";

import {
  anyList,
  anything,
  count,
  duration,
  flag,
  optionalSection,
  secret,
  section,
  text,
  texts,
  word,
} from "../keys.ts";

import { ring } from "./ring.ts";

const tlsKeys = {
  cert_file: text(),
  cert_pem: text(),
  key_file: text(),
  key_pem: secret(),
  client_ca_file: text().describe("set: who sends spans shows a certificate that these signed"),
  client_ca_file_reload: flag(),
  reload_interval: duration("0s"),
  min_version: word(["", "1.0", "1.1", "1.2", "1.3"], ""),
  max_version: word(["", "1.2", "1.3"], ""),
  cipher_suites: texts(),
  ca_file: text(),
  ca_pem: text(),
  include_system_ca_certs_pool: flag(),
  curve_preferences: texts(),
} as const;

/** The collector's key sets; what this program does not use of them is accepted and ignored. */
const otlp = optionalSection({
  protocols: section({
    grpc: optionalSection({
      endpoint: text("localhost:4317"),
      transport: text("tcp"),
      tls: optionalSection(tlsKeys),
      max_recv_msg_size_mib: count(16),
      max_concurrent_streams: count(0),
      read_buffer_size: count(512 << 10),
      write_buffer_size: count(0),
      keepalive: anything(),
      include_metadata: flag(),
      auth: anything(),
    }),
    http: optionalSection({
      endpoint: text("localhost:4318"),
      traces_url_path: text("/v1/traces"),
      metrics_url_path: text("/v1/metrics"),
      logs_url_path: text("/v1/logs"),
      tls: optionalSection(tlsKeys),
      cors: section({
        allowed_origins: texts(),
        allowed_headers: texts(),
        exposed_headers: texts(),
        max_age: count(0),
      }),
      max_request_body_size: count(20 << 20),
      compression_algorithms: texts(["", "gzip", "zstd", "zlib", "snappy", "deflate"]),
      include_metadata: flag(),
      response_headers: anything(),
      read_header_timeout: duration("1m"),
      read_timeout: duration("0s"),
      write_timeout: duration("30s"),
      idle_timeout: duration("1m"),
      keep_alives_enabled: flag(true),
      auth: anything(),
    }),
  }),
});

const logSpans = () =>
  section({
    enabled: flag(),
    include_all_attributes: flag(),
    filter_by_status_error: flag(),
  });

export const distributor = section({
  receivers: z.strictObject({
    otlp,
    jaeger: z.looseObject({}).optional(),
    zipkin: z.looseObject({}).optional(),
    kafka: z.looseObject({}).optional(),
    opencensus: z.looseObject({}).optional(),
  }).prefault({}).describe(
    'collector syntax, for example otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {}}};\n' +
      "none named: OTLP over gRPC on localhost:4317 and over HTTP on localhost:4318",
  ),
  forwarders: anyList(),
  log_received_spans: logSpans(),
  log_discarded_spans: logSpans(),
  metric_received_spans: section({ enabled: flag(), root_only: flag() }),
  usage: section({
    cost_attribution: section({
      enabled: flag(),
      max_cardinality: count(10_000),
      stale_duration: duration("15m"),
    }),
  }),
  retry_after_on_resource_exhausted: duration("5s").describe(
    "what a client over its rate is told to wait; 0s: not to come back",
  ),
  max_attribute_bytes: count(2048).describe("longer attribute keys and string values are cut"),
  artificial_delay: duration("0s"),
  ring: ring({ heartbeat_period: "5s", heartbeat_timeout: "5m" }),
  override_ring_key: text("distributor"),
});
