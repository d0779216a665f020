// `server` and `internal_server`: the ports of queries and of administration.
import { CLIENT_AUTH } from "../../../lib/tls_listener.ts";
import { count, duration, flag, port, secret, section, text, tlsVersion, word } from "../keys.ts";

const tlsServer = () =>
  section({
    cert: text(),
    key: secret(),
    client_ca: text(),
    cert_file: text(),
    key_file: text(),
    client_auth_type: word(["", ...CLIENT_AUTH], "").describe(
      "what clients must show; the last one with client_ca_file is mutual TLS",
    ),
    client_ca_file: text(),
  });

const keys = {
  http_listen_network: text("tcp"),
  http_listen_address: text(),
  http_listen_conn_limit: count(0),
  grpc_listen_network: text("tcp"),
  grpc_listen_address: text(),
  grpc_listen_conn_limit: count(0),
  http_server_read_timeout: duration("30s"),
  http_server_read_header_timeout: duration("0s"),
  http_server_write_timeout: duration("30s"),
  http_server_idle_timeout: duration("2m"),
  http_log_closed_connections_without_response_enabled: flag(),
  http_path_prefix: text(),
  graceful_shutdown_timeout: duration("30s"),
  grpc_server_max_recv_msg_size: count(16 << 20),
  grpc_server_max_send_msg_size: count(16 << 20),
  grpc_server_max_concurrent_streams: count(100),
  grpc_server_max_connection_idle: duration("0s"),
  grpc_server_max_connection_age: duration("0s"),
  grpc_server_max_connection_age_grace: duration("0s"),
  grpc_server_keepalive_time: duration("2h"),
  grpc_server_keepalive_timeout: duration("20s"),
  grpc_server_min_time_between_pings: duration("10s"),
  grpc_server_ping_without_stream_allowed: flag(true),
  log_level: word(["debug", "info", "warn", "error"], "info"),
  log_format: word(["logfmt", "json"], "logfmt"),
  log_source_ips_enabled: flag(),
  log_source_ips_header: text(),
  log_source_ips_regex: text(),
  log_request_headers: flag(),
  log_request_at_info_level_enabled: flag(),
  log_request_exclude_headers_list: text(),
  http_tls_config: tlsServer(),
  grpc_tls_config: tlsServer(),
  tls_min_version: tlsVersion(),
  tls_cipher_suites: text(),
  register_instrumentation: flag(true),
} as const;

export const server = section({
  http_listen_port: port(3200).describe("queries, /ready, /metrics, /status"),
  grpc_listen_port: port(9095).describe("streaming queries and calls between processes"),
  ...keys,
});

export const internalServer = section({
  enable: flag(),
  http_listen_port: port(3101),
  grpc_listen_port: port(9096),
  ...keys,
});
