// `ingest.kafka`: the log that takes the embedded one's place when a topic is named.
import { z } from "zod";

import { count, duration, flag, secret, section, text, tlsClientKeys, word } from "../keys.ts";

export const ingest = section({
  enabled: flag().describe("kept for older files; a topic decides"),
  kafka: section({
    address: text("localhost:9092").describe("several with commas"),
    topic: text().describe("empty: the embedded log"),
    client_id: text(),
    client_rack: text(),
    dial_timeout: duration("2s"),
    write_timeout: duration("10s"),
    sasl_mechanism: word(
      ["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"],
      "",
    ),
    sasl_username: text(),
    sasl_password: secret(),
    sasl_oauthbearer_token: secret(),
    sasl_oauthbearer_zid: text(),
    sasl_oauthbearer_extensions: text(),
    sasl_oauthbearer_file_path: text(),
    sasl_oauthbearer_http_socket_path: text(),
    sasl_oauthbearer_http_socket_timeout: duration("10s"),
    sasl_msk_iam_access_key: secret(),
    sasl_msk_iam_secret_key: secret(),
    sasl_msk_iam_session_token: secret(),
    sasl_msk_iam_user_agent: text(),
    sasl_msk_iam_file_path: text(),
    sasl_msk_iam_http_socket_path: text(),
    sasl_msk_iam_http_socket_timeout: duration("10s"),
    ...tlsClientKeys,
    consumer_group: text(),
    consumer_group_offset_commit_interval: duration("1s"),
    last_produced_offset_retry_timeout: duration("10s"),
    auto_create_topic_enabled: flag(true),
    auto_create_topic_default_partitions: count(1000),
    producer_max_record_size_bytes: z.int().min(1 << 20).max(15_983_616).default(15_983_616),
    producer_max_buffered_bytes: count(1 << 30),
    producer_compression: word(["", "none", "gzip", "snappy", "lz4", "zstd"], ""),
    target_consumer_lag_at_startup: duration("2s"),
    max_consumer_lag_at_startup: duration("15s"),
    disable_kafka_telemetry: flag(),
    consumer_group_lag_metric_update_interval: duration("1m"),
  }).refine(
    (kafka) => kafka.target_consumer_lag_at_startup <= kafka.max_consumer_lag_at_startup,
    {
      path: ["target_consumer_lag_at_startup"],
      message: "must not be above max_consumer_lag_at_startup",
    },
  ).refine(
    (kafka) =>
      (kafka.target_consumer_lag_at_startup === 0) === (kafka.max_consumer_lag_at_startup === 0),
    {
      path: ["target_consumer_lag_at_startup"],
      message: "must be set together with max_consumer_lag_at_startup, or neither",
    },
  ),
});
