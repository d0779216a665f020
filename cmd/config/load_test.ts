import assert from "node:assert/strict";

import { InputError } from "../../lib/errors.ts";
import { loadConfig, type Loaded } from "./load.ts";
import { defaultConfig } from "./schema.ts";

function load(yaml: string, args: string[] = [], env: Record<string, string> = {}): Loaded {
  const readFile = (path: string) => {
    if (path === "segno.yaml") return yaml;
    throw new Error("no such file");
  };
  return loadConfig({ args: ["-config.file=segno.yaml", ...args], env, readFile });
}

function refusal(action: () => unknown): string {
  let message = "";
  assert.throws(action, (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, "invalid_argument");
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("nothing given is the default configuration, without a warning", () => {
  const readFile = () => assert.fail("no file was named");
  const { config, warnings, targets } = loadConfig({ args: [], env: {}, readFile });
  assert.deepEqual(config, defaultConfig());
  assert.deepEqual(warnings, []);
  assert.deepEqual(targets, ["all"]);
  assert.equal(config.server.http_listen_port, 3200);
  assert.equal(config.live_store.max_trace_idle, 5_000);
  assert.equal(config.overrides.defaults.ingestion.rate_limit_bytes, 30_000_000);
  assert.equal(config.storage.trace.block.parquet_dedicated_columns.length, 14);
});

Deno.test("the file changes defaults and flags change the file", () => {
  const yaml = `
server:
  http_listen_port: 80
  grpc_listen_port: 90
live_store: {max_trace_idle: 1h30m}
`;
  const { config } = load(yaml, [
    "-server.http-listen-port=8080",
    "--log.level",
    "debug",
    "-multitenancy.enabled",
    "-storage.trace.backend=local",
    "-live-store.max-trace-live=1m",
    "-segno.workers=0",
    "-http-api-prefix=/tempo",
    "-shutdown-delay",
    "3s",
  ]);
  assert.equal(config.server.http_listen_port, 8080);
  assert.equal(config.server.grpc_listen_port, 90);
  assert.equal(config.server.log_level, "debug");
  assert.equal(config.multitenancy_enabled, true);
  assert.equal(config.live_store.max_trace_idle, 5_400_000);
  assert.equal(config.live_store.max_trace_live, 60_000);
  assert.equal(config.segno.workers, 0);
  assert.equal(config.http_api_prefix, "/tempo");
  assert.equal(config.shutdown_delay, 3_000);
});

Deno.test("a switch may be turned off by =false, and does not eat the next argument", () => {
  const { config, flags } = load("multitenancy_enabled: true", [
    "-multitenancy.enabled=false",
    "-config.verify",
    "-target=all",
  ]);
  assert.equal(config.multitenancy_enabled, false);
  assert.equal(flags.verify, true);
});

Deno.test("each refusal names the place, the path and the value", async (t) => {
  const cases: [name: string, yaml: string, message: string][] = [
    [
      "unknown key",
      "server:\n  http_listen_prt: 80",
      "segno.yaml:2:3: server.http_listen_prt: unknown key",
    ],
    ["unknown section", "sever: {}", "segno.yaml:1:1: sever: unknown key"],
    [
      "removed section",
      "ingester: {}",
      "segno.yaml:1:1: ingester: unknown key (its work is done by live_store and block_builder)",
    ],
    [
      "wrong type",
      "server: {http_listen_port: http}",
      'segno.yaml:1:10: server.http_listen_port: expected number, not "http"',
    ],
    [
      "out of range",
      "server: {http_listen_port: 70000}",
      "segno.yaml:1:10: server.http_listen_port: too big: expected number to be <=65535, not 70000",
    ],
    [
      "fraction",
      "query_frontend: {max_retries: 1.5}",
      "segno.yaml:1:18: query_frontend.max_retries: expected int, not 1.5",
    ],
    [
      "duration",
      "live_store:\n  max_trace_idle: 5x",
      "segno.yaml:2:3: live_store.max_trace_idle: expected a duration such as 5m, 1h30m or 250ms, " +
      'not "5x"',
    ],
    [
      "duration without a unit",
      "live_store: {max_trace_idle: 5}",
      "segno.yaml:1:14: live_store.max_trace_idle: expected a duration such as 5m, 1h30m or 250ms, " +
      "not 5",
    ],
    [
      "negative duration",
      "live_store: {max_trace_idle: -5s}",
      "segno.yaml:1:14: live_store.max_trace_idle: expected a duration such as 5m, 1h30m or 250ms, " +
      'not "-5s"',
    ],
    [
      "word",
      "segno: {block_codec: lzma}",
      'segno.yaml:1:9: segno.block_codec: expected one of "zstd"|"snappy"|"none", not "lzma"',
    ],
    [
      "section that is a value",
      "server: 5",
      "segno.yaml:1:1: server: expected object, not 5",
    ],
    [
      "unknown target",
      "target: al",
      'target: unknown target "al", known are all, distributor, live-store, block-builder, ' +
      "metrics-generator, query-frontend, querier, backend-scheduler, backend-worker",
    ],
    [
      "two roles",
      "cache: {caches: [{roles: [bloom], memcached: {addresses: a:1}}, " +
      "{roles: [bloom], redis: {endpoint: b:2}}]}",
      "segno.yaml:1:9: cache.caches: role bloom is claimed by caches[0] (memcached a:1) and by " +
      'caches[1] (redis b:2), not [{"roles":["bloom"],"memcached":{"addresses":"a:1"}},' +
      '{"roles":["bloom"],"redis":{"endpoint":"b:2"}}]',
    ],
    [
      "a cache of neither kind",
      "cache: {caches: [{roles: [bloom]}]}",
      "segno.yaml:1:9: cache.caches: caches[0] must have one of memcached and redis, not " +
      '[{"roles":["bloom"]}]',
    ],
    [
      "unknown key of a list's element",
      "storage: {trace: {block: {parquet_dedicated_columns: [{name: a, typ: int}]}}}",
      "segno.yaml:1:65: storage.trace.block.parquet_dedicated_columns[0].typ: unknown key",
    ],
    [
      "an integer as a blob",
      "storage: {trace: {block: {parquet_dedicated_columns: [{name: a, type: int, options: [blob]}]}}}",
      "segno.yaml:1:27: storage.trace.block.parquet_dedicated_columns: span.a: only strings can be " +
      'blobs, not [{"name":"a","type":"int","options":["blob"]}]',
    ],
    [
      "a column too many",
      `live_store: {block: {parquet_dedicated_columns: [${
        Array.from({ length: 6 }, (_, i) => `{scope: event, name: k${i}, type: int}`)
      }]}}`,
      "segno.yaml:1:22: live_store.block.parquet_dedicated_columns: at most 5 int columns in scope " +
      `event, not 6, not ${
        JSON.stringify(Array.from({ length: 6 }, (_, i) => ({
          scope: "event",
          name: `k${i}`,
          type: "int",
        })))
      }`,
    ],
    [
      "a column twice",
      "block_builder: {block: {parquet_dedicated_columns: [{name: a}, {name: a, type: int}]}}",
      "segno.yaml:1:25: block_builder.block.parquet_dedicated_columns: span.a is named twice, not " +
      '[{"name":"a"},{"name":"a","type":"int"}]',
    ],
    [
      "the column that every block has",
      "overrides: {defaults: {storage: {parquet_dedicated_columns: " +
      "[{scope: resource, name: service.name}]}}}",
      "segno.yaml:1:34: overrides.defaults.storage.parquet_dedicated_columns: resource.service.name " +
      'has a column in every block, not [{"scope":"resource","name":"service.name"}]',
    ],
    [
      "a rate that is none",
      "storage: {trace: {block: {bloom_filter_false_positive: 1}}}",
      "segno.yaml:1:27: storage.trace.block.bloom_filter_false_positive: too big: expected number " +
      "to be <1, not 1",
    ],
    [
      "a version that is not written",
      "storage: {trace: {block: {version: vParquet3}}}",
      'segno.yaml:1:27: storage.trace.block.version: expected one of "vParquet5"|"vParquet4", ' +
      'not "vParquet3"',
    ],
    ["a list", "- a", "segno.yaml: expected a mapping of keys to values"],
    ["a key twice", "target: all\ntarget: all", "segno.yaml:2:1: map keys must be unique"],
  ];
  for (const [name, yaml, message] of cases) {
    await t.step(name, () => assert.equal(refusal(() => load(yaml)), message));
  }
});

Deno.test("all wrong keys are told at once", () => {
  const message = refusal(() => load("a: 1\nserver:\n  b: 2\n  log_level: loud\n"));
  assert.equal(message.split("\n").length, 3);
});

Deno.test("broken YAML is told with its place", () => {
  assert.match(refusal(() => load("server:\n  a: [1,\nb: 2")), /^segno\.yaml:3:1: /);
});

Deno.test("wrong flags are told", async (t) => {
  const cases: [string[], string][] = [
    [["-nonsense"], "unknown flag -nonsense"],
    [["-server"], "unknown flag -server"],
    [["-server.http-listen-prt=1"], "unknown flag -server.http-listen-prt"],
    [["run"], 'unexpected argument "run"'],
    [["-target"], "flag -target needs a value"],
    [["-config.verify=maybe"], 'flag -config.verify: expected true or false, not "maybe"'],
    [
      ["-server.http-listen-port=x"],
      'flag -server.http-listen-port: server.http_listen_port: expected number, not "x"',
    ],
    [["-config.file=none.yaml"], "cannot read -config.file none.yaml: no such file"],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), () => assert.equal(refusal(() => load("", args)), message));
  }
});

Deno.test("the environment is expanded only when asked to", () => {
  const yaml = "storage: {trace: {local: {path: '${DIR:-/tmp}/blocks'}}}\nsegno: {workers: $N}";
  const env = { DIR: "/data", N: "2" };
  const { config } = load(yaml, ["-config.expand-env"], env);
  assert.equal(config.storage.trace.local.path, "/data/blocks");
  assert.equal(config.segno.workers, 2);
  assert.match(refusal(() => load(yaml, [], env)), /segno\.workers: .*, not "\$N"$/);
});

Deno.test("older target names start today's components with a warning", () => {
  const cases: [string, string][] = [
    ["compactor", "backend-worker"],
    ["ingester", "live-store"],
    ["scalable-single-binary", "all"],
    ["ingester,compactor", "live-store,backend-worker"],
  ];
  for (const [old, today] of cases) {
    const { config, warnings } = load(`target: ${old}`);
    assert.equal(config.target, today);
    assert.ok(warnings.some((text) => text.includes("is an older name")), warnings.join());
  }
});

Deno.test("a combination of targets keeps the order of the table, each once", () => {
  const { targets } = load("", ["-target=querier, distributor,querier"]);
  assert.deepEqual(targets, ["distributor", "querier"]);
});

Deno.test("what is allowed and doubtful is warned of", async (t) => {
  const cases: [yaml: string, warning: RegExp][] = [
    ["auth_enabled: true", /^auth_enabled is deprecated/],
    ["live_store: {complete_block_timeout: 1m}", /complete_block_timeout 1m is below .* 5m/],
    ["distributor: {log_received_spans: {enabled: true}}", /log_received_spans is enabled/],
    ["storage: {trace: {blocklist_poll: 30m}}", /prune_age 1h is not above twice .* 30m/],
    ["storage: {trace: {blocklist_poll_concurrency: 0}}", /blocklist_poll_concurrency is 0/],
    ["storage: {trace: {cache: memcached}}", /storage\.trace\.cache is deprecated/],
    ["target: querier", /backend is local and target is querier/],
    [
      "storage: {trace: {s3: {list_blocks_concurrency: 5}}}",
      /^storage\.trace\.s3\.list_blocks_concurrency: no effect: each page .* says where the next one begins/,
    ],
    ["ingest: {kafka: {consumer_group: mine}}", /^ingest\.kafka\.consumer_group: no effect/],
    ["metrics_generator: {ring_mode: generator}", /ring_mode: no effect: .* consumer group/],
    [
      "metrics_generator: {storage: {remote_write: [{url: 'http://p', proxy_url: 'http://q', " +
      "queue_config: {min_shards: 3}}]}}",
      /^metrics_generator\.storage\.remote_write\[0\]\.queue_config\.min_shards: no effect/,
    ],
    [
      "distributor: {receivers: {jaeger: {protocols: {grpc: {}}}}}",
      /receivers\.jaeger: not in this/,
    ],
    ["memberlist: {compression_enabled: true}", /^memberlist\.compression_enabled: no effect/],
    [
      "live_store: {ring: {kvstore: {prefix: x/}}}",
      /^live_store\.ring\.kvstore\.prefix: no effect/,
    ],
    ["internal_server: {enable: true}", /^internal_server: not in this version/],
    [
      "live_store_client: {grpc_client_config: {initial_stream_window_size: 1}}",
      /^live_store_client\.grpc_client_config\.initial_stream_window_size: no effect: Deno's client/,
    ],
    [
      "query_frontend: {search: {most_recent_shards: 5}}",
      /^query_frontend\.search\.most_recent_shards: no effect in this version$/,
    ],
    ["span_profiling: true", /^span_profiling: no effect/],
    [
      "distributor: {receivers: {otlp: {protocols: {grpc: {tls: {ca_file: a}}}}}}",
      /^distributor\.receivers\.otlp\.protocols\.grpc\.tls\.ca_file: no effect/,
    ],
    [
      "overrides: {defaults: {metrics_generator: {processors: [local-blocks]}}}",
      /local-blocks has no effect/,
    ],
    [
      "{storage: {trace: {block: {version: vParquet4}}}, " +
      "live_store: {block: {bloom_filter_shard_size_bytes: 50}}, " +
      "block_builder: {block: {bloom_filter_shard_size_bytes: 60}}}",
      /^live_store\.block\.bloom_filter_shard_size_bytes has no effect: block_builder\.block/,
    ],
    [
      "storage: {trace: {block: {version: vParquet4, parquet_dedicated_columns: " +
      "[{name: a}, {name: b, type: int}]}}}",
      /vParquet4 has no column for int span\.b/,
    ],
  ];
  for (const [yaml, warning] of cases) {
    await t.step(yaml, () => {
      const { warnings } = load(yaml);
      assert.ok(warnings.some((text) => warning.test(text)), warnings.join("\n"));
    });
  }
});

Deno.test("a key written with its default is no cause for a warning", () => {
  const { warnings } = load("memberlist: {bind_port: 7946}\nmetrics_generator: {}\n");
  assert.deepEqual(warnings, []);
});

Deno.test("what works is not warned of, and a feature that is absent is told once", () => {
  const works = load(`
segno: {workers: 0, section: {age_max: 1s}}
server: {http_listen_port: 80, grpc_listen_port: 90, grpc_server_max_recv_msg_size: 1}
stream_over_http_enabled: true
distributor: {receivers: {otlp: {protocols: {grpc: , http: {endpoint: "0.0.0.0:1"}}}}}
overrides: {defaults: {ingestion: {rate_limit_bytes: 1}, global: {max_bytes_per_trace: 1}}}
storage: {trace: {local: {path: /b}, blocklist_poll: 1m}}
usage_report: {reporting_enabled: false}
memberlist: {join_members: [a], bind_port: 1, gossip_nodes: 5, cluster_label: x}
live_store: {ring: {instance_zone: a, kvstore: {store: inmemory}}, shutdown_marker_dir: /m}
`);
  assert.deepEqual(works.warnings, []);
  const { warnings } = load("internal_server: {http_listen_port: 1, grpc_listen_port: 2}");
  assert.equal(warnings.length, 1);
});

Deno.test("a section with nothing below it has all its defaults", () => {
  assert.deepEqual(load("server:\nstorage:\n  trace:\n").config, defaultConfig());
});

Deno.test("a file in the peer's style loads", () => {
  const { config } = load(`
stream_over_http_enabled: false
server:
  http_listen_port: 3200
  log_level: info
query_frontend:
  search:
    duration_slo: 5s
    throughput_bytes_slo: 1.073741824e+09
  trace_by_id:
    duration_slo: 100ms
distributor:
  receivers:
    otlp:
      protocols:
        grpc:
          endpoint: "0.0.0.0:4317"
        http:
          endpoint: "0.0.0.0:4318"
          cors: {allowed_origins: ["*"]}
    jaeger: {protocols: {thrift_http: {}, grpc: {}}}
metrics_generator:
  registry:
    external_labels: {source: tempo, cluster: docker-compose}
  storage:
    path: /var/tempo/generator/wal
    remote_write:
      - url: http://prometheus:9090/api/v1/write
        send_exemplars: true
storage:
  trace:
    backend: local
    wal: {path: /var/tempo/wal}
    local: {path: /var/tempo/blocks}
overrides:
  defaults:
    metrics_generator:
      processors: [service-graphs, span-metrics]
      generate_native_histograms: both
usage_report: {reporting_enabled: false}
`);
  assert.equal(config.distributor.receivers.otlp?.protocols.http?.endpoint, "0.0.0.0:4318");
});
