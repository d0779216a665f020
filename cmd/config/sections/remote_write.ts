// An entry of `metrics_generator.storage.remote_write`, with Prometheus' keys and defaults.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#remote_write
// Rule: what is known there and cannot be done here is a key of its own, so that it is refused by its name.
import { z } from "zod";

import {
  anything,
  count,
  duration,
  flag,
  optionalSection,
  secret,
  section,
  text,
  textMap,
  texts,
  word,
} from "../keys.ts";

const relabelRule = z.strictObject({
  source_labels: texts(),
  separator: text(";"),
  regex: text("(.*)"),
  modulus: count(0),
  target_label: text(),
  replacement: text("$1"),
  action: word([
    ...["replace", "keep", "drop", "keepequal", "dropequal", "hashmod"] as const,
    ...["labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"] as const,
  ], "replace"),
});

export const remoteWrite = z.strictObject({
  url: z.string(),
  name: text(),
  remote_timeout: duration("30s"),
  headers: textMap(),
  send_exemplars: flag(),
  send_native_histograms: flag(),
  write_relabel_configs: z.array(relabelRule).default([]),
  basic_auth: optionalSection({
    username: text(),
    username_file: text(),
    password: secret(),
    password_file: text(),
  }),
  authorization: optionalSection({
    type: text("Bearer"),
    credentials: secret(),
    credentials_file: text(),
  }),
  bearer_token: secret(),
  bearer_token_file: text(),
  tls_config: section({
    ca: text(),
    ca_file: text(),
    cert: text(),
    cert_file: text(),
    key: secret(),
    key_file: text(),
    server_name: text(),
    insecure_skip_verify: flag(),
    min_version: text(),
    max_version: text(),
  }),
  queue_config: section({
    capacity: count(10_000),
    min_shards: count(1),
    max_shards: count(50),
    max_samples_per_send: count(2_000),
    batch_send_deadline: duration("5s"),
    min_backoff: duration("30ms"),
    max_backoff: duration("5s"),
    retry_on_http_429: flag(),
    sample_age_limit: duration("0s"),
  }),
  metadata_config: anything(),
  follow_redirects: flag(true),
  enable_http2: flag(true),
  round_robin_dns: flag(),
  protobuf_message: text("prometheus.WriteRequest"),
  proxy_url: text(),
  no_proxy: text(),
  proxy_from_environment: flag(),
  proxy_connect_header: anything(),
  oauth2: anything(),
  sigv4: anything(),
  azuread: anything(),
  google_iam: anything(),
});
