// What the configuration may say of TLS, and what is refused by its name.
import assert from "node:assert/strict";
import { InputError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { Authority } from "../tests/support/certificates.ts";
import { loadConfig, tellConfig } from "./config/mod.ts";
import { grpcCallOptions } from "./grpc_client_options.ts";
import { checkTls, clientTls, receiverTls, serverTls } from "./tls.ts";

Deno.test("keys that stand in the configuration are not told", () => {
  const told = tellConfig(config(`
server: {http_tls_config: {key: hidden-1}}
distributor: {receivers: {otlp: {protocols: {grpc: {tls: {key_pem: hidden-2}}}}}}
`));
  assert.doesNotMatch(told, /hidden/);
});

const load = (yaml: string) =>
  loadConfig({ args: ["-config.file=f"], env: {}, readFile: () => yaml });
const config = (yaml: string) => load(yaml).config;

const authority = new Authority();
const pair = authority.sign({ name: "server" });

function withFiles(check: (dir: string, stack: DisposableStack) => void): void {
  const dir = Deno.makeTempDirSync();
  using stack = new DisposableStack();
  try {
    Deno.writeTextFileSync(`${dir}/tls.crt`, pair.cert);
    Deno.writeTextFileSync(`${dir}/tls.key`, pair.key);
    Deno.writeTextFileSync(`${dir}/ca.crt`, authority.cert);
    check(dir, stack);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("what cannot be obeyed, or would verify nobody, is refused by its key", () => {
  const pair = "cert_file: c, key_file: k";
  const cases: [string, RegExp][] = [
    ["server: {http_tls_config: {cert_file: c}}", /^server.http_tls_config.key_file is missing/],
    ["server: {grpc_tls_config: {key_file: k}}", /^server.grpc_tls_config.cert_file is missing/],
    ["server: {grpc_tls_config: {client_ca_file: a}}", /client_ca_file is set without cert_file/],
    [
      "server: {grpc_tls_config: {client_auth_type: RequireAnyClientCert}}",
      /client_auth_type is set without cert_file/,
    ],
    [`server: {http_tls_config: {${pair}, client_ca_file: a}}`, /nobody would be verified/],
    [
      `server: {http_tls_config: {${pair}, client_auth_type: RequireAndVerifyClientCert}}`,
      /client_ca_file does not say by whom/,
    ],
    [`server: {http_tls_config: {${pair}, cert: x}}`, /cert and cert_file are both set/],
    [
      `server: {tls_cipher_suites: X, http_tls_config: {${pair}}}`,
      /^server.tls_cipher_suites which ciphers/,
    ],
    [
      "distributor: {receivers: {otlp: {protocols: {grpc: {tls: {cert_file: c}}}}}}",
      /^distributor.receivers.otlp.protocols.grpc.tls.key_file is missing/,
    ],
    [
      `distributor: {receivers: {otlp: {protocols: {http: {tls: {${pair}, max_version: "1.2"}}}}}}`,
      /http.tls.max_version cannot be less/,
    ],
    [
      "live_store_client: {grpc_client_config: {tls_enabled: true, tls_insecure_skip_verify: true}}",
      /^live_store_client.grpc_client_config.tls_insecure_skip_verify cannot be done/,
    ],
    [
      "querier: {frontend_worker: {grpc_client_config: {tls_enabled: true, tls_min_version: VersionTLS13}}}",
      /^querier.frontend_worker.grpc_client_config.tls_min_version/,
    ],
    [
      "backend_scheduler_client: {grpc_client_config: {tls_enabled: true, tls_cipher_suites: X}}",
      /^backend_scheduler_client.grpc_client_config.tls_cipher_suites/,
    ],
  ];
  for (const [yaml, expected] of cases) {
    assert.throws(
      () => checkTls(config(yaml)),
      (error) => error instanceof InputError && expected.test(error.message),
      yaml,
    );
  }
  assert.throws(
    () => config("server: {http_tls_config: {client_auth_type: Anybody}}"),
    /server.http_tls_config.client_auth_type/,
  );
});

Deno.test("a server's certificates come from files or from the configuration itself", () => {
  withFiles((dir, stack) => {
    const runtime = createRuntime();
    const own = config(`
server:
  tls_min_version: VersionTLS13
  http_tls_config:
    cert_file: ${dir}/tls.crt
    key_file: ${dir}/tls.key
    client_ca_file: ${dir}/ca.crt
    client_auth_type: VerifyClientCertIfGiven
  grpc_tls_config:
    cert: ${JSON.stringify(pair.cert)}
    key: ${JSON.stringify(pair.key)}
distributor:
  receivers:
    otlp:
      protocols:
        grpc: {tls: {cert_file: ${dir}/tls.crt, key_file: ${dir}/tls.key, client_ca_file: ${dir}/ca.crt}}
        http: {tls: {cert_pem: ${JSON.stringify(pair.cert)}, key_pem: ${JSON.stringify(pair.key)}}}
`);
    checkTls(own);
    const http = serverTls(runtime, own, "http_tls_config", stack)!;
    assert.deepEqual([http.clientAuth, http.isOnly13], ["VerifyClientCertIfGiven", true]);
    assert.deepEqual(http.certificates.current, { ...pair, ca: authority.cert });
    const grpc = serverTls(runtime, own, "grpc_tls_config", stack)!;
    assert.deepEqual(grpc.certificates.current, { ...pair, ca: undefined });
    assert.equal(grpc.clientAuth, "NoClientCert");
    const receivers = (["grpc", "http"] as const).map((protocol) =>
      receiverTls(runtime, own, protocol, stack)!
    );
    assert.deepEqual(receivers.map(({ clientAuth }) => clientAuth), [
      "RequireAndVerifyClientCert",
      "NoClientCert",
    ]);
    const named = "{endpoint: a:1, tls: {cert_file: c, key_file: k, client_ca_file: a}}";
    const { warnings } = load(`
server: {http_tls_config: {cert_file: c, key_file: k}}
distributor: {receivers: {otlp: {protocols: {grpc: ${named}, http: ${named}}}}}
`);
    assert.deepEqual(warnings, []);
  });
  using stack = new DisposableStack();
  assert.equal(serverTls(createRuntime(), config(""), "http_tls_config", stack), undefined);
  assert.equal(receiverTls(createRuntime(), config(""), "grpc", stack), undefined);
  const nowhere = config("server: {http_tls_config: {cert_file: /nowhere, key_file: /nowhere}}");
  assert.throws(
    () => serverTls(createRuntime(), nowhere, "http_tls_config", stack),
    /^InputError: server.http_tls_config.cert_file cannot be read/,
  );
});

Deno.test("a client's section says how it is called, and whom it believes", () => {
  withFiles((dir, stack) => {
    const runtime = createRuntime();
    const { live_store_client, querier } = config(`
live_store_client:
  grpc_client_config:
    tls_enabled: true
    tls_cert_path: ${dir}/tls.crt
    tls_key_path: ${dir}/tls.key
    tls_ca_path: ${dir}/ca.crt
    tls_server_name: segno.example
    max_recv_msg_size: 7
    max_send_msg_size: 8
    grpc_compression: gzip
    rate_limit: 2.5
    backoff_on_ratelimits: true
    backoff_config: {min_period: 1s, max_period: 2s, max_retries: 3}
querier: {frontend_worker: {grpc_client_config: {grpc_compression: "", rate_limit: 9, rate_limit_burst: 4}}}
`);
    const path = "live_store_client.grpc_client_config";
    const options = grpcCallOptions(runtime, live_store_client.grpc_client_config, path, stack);
    const { tls, ...others } = options;
    assert.equal(tls!.serverName, "segno.example");
    assert.deepEqual(tls!.certificates.current, { ...pair, ca: authority.cert });
    assert.deepEqual(others, {
      receivedBytesMax: 7,
      sentBytesMax: 8,
      encoding: "gzip",
      rate: { perSecond: 2.5, burst: 2 },
      rateLimited: { minMs: 1000, maxMs: 2000, retriesMax: 3, random: runtime.random },
    });
    const worker = grpcCallOptions(runtime, querier.frontend_worker.grpc_client_config, "q", stack);
    assert.equal(worker.encoding, "identity");
    assert.deepEqual(worker.rate, { perSecond: 9, burst: 4 });
    assert.deepEqual([worker.tls, worker.rateLimited], [undefined, undefined]);
    const { grpc_client_config: unset } = config("").backend_scheduler_client;
    assert.equal(grpcCallOptions(runtime, unset, "b", stack).encoding, "snappy");
    assert.equal(clientTls(runtime, unset, "b", stack), undefined);
  });
});
