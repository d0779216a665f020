import assert from "node:assert/strict";

import { InputError } from "../lib/errors.ts";
import { type Config, loadConfig } from "./config/mod.ts";
import { remoteWriteEndpoints } from "./remote_write.ts";

const URL_LINE = "url: http://prometheus:9090/api/v1/write";

function configOf(...entries: string[]): Config {
  const text = `{metrics_generator: {storage: {remote_write: [${
    entries.map((entry) => `{${entry}}`).join(", ")
  }]}}}`;
  const readFile = () => text;
  return loadConfig({ args: ["-config.file=c.yaml"], env: {}, readFile }).config;
}

const endpoints = (...entries: string[]) =>
  remoteWriteEndpoints(configOf(...entries), (path) => `pem of ${path}`);

Deno.test("an entry with an address alone has Prometheus' defaults, and a name that stays", () => {
  const [one] = endpoints(URL_LINE);
  assert.match(one!.name, /^[0-9a-f]{6}$/);
  assert.equal(endpoints(URL_LINE)[0]!.name, one!.name);
  assert.deepEqual(one, {
    name: one!.name,
    url: "http://prometheus:9090/api/v1/write",
    headers: {},
    auth: undefined,
    tls: undefined,
    timeoutMs: 30_000,
    sendsExemplars: false,
    sendsNativeHistograms: false,
    relabelling: [],
    queue: {
      samplesMax: 2000,
      atOnce: 8,
      backoffMinMs: 30,
      backoffMaxMs: 5000,
      retriesOn429: false,
      ageMaxMs: 0,
    },
  });
});

Deno.test("who asks, and over which TLS", () => {
  const [basic, bearer, token] = endpoints(
    `${URL_LINE}, name: a, basic_auth: {username: me, password_file: /p}`,
    `${URL_LINE}, name: b, authorization: {type: Token, credentials: x}`,
    `${URL_LINE}, name: c, bearer_token_file: /t, ` +
      "tls_config: {ca_file: /ca, cert_file: /c, key_file: /k, server_name: s, min_version: TLS12}",
  );
  assert.deepEqual(basic!.auth, {
    kind: "basic",
    username: { from: "value", text: "me" },
    password: { from: "file", path: "/p" },
  });
  assert.deepEqual(bearer!.auth, {
    kind: "header",
    type: "Token",
    credentials: { from: "value", text: "x" },
  });
  assert.deepEqual(token!.auth, {
    kind: "header",
    type: "Bearer",
    credentials: { from: "file", path: "/t" },
  });
  assert.deepEqual(token!.tls, {
    ca: "pem of /ca",
    cert: "pem of /c",
    key: "pem of /k",
    serverName: "s",
    isUnverified: false,
    minVersion: "TLSv1.2",
  });
});

Deno.test("what cannot be done is refused by its key", () => {
  const cases: [entry: string, message: RegExp][] = [
    ["url: prometheus", /remote_write\[0\]\.url: "prometheus"/],
    [`${URL_LINE}, oauth2: {client_id: a}`, /remote_write\[0\]\.oauth2: is not in this version/],
    [`${URL_LINE}, sigv4: {region: a}`, /sigv4: is not in this version/],
    [`${URL_LINE}, proxy_url: "http://p"`, /proxy_url/],
    [`${URL_LINE}, protobuf_message: io.prometheus.write.v2.Request`, /protobuf_message/],
    [`${URL_LINE}, bearer_token: a, basic_auth: {username: b}`, /more than one of/],
    [`${URL_LINE}, tls_config: {cert: a}`, /a certificate needs its key/],
    [`${URL_LINE}, tls_config: {min_version: SSL3}`, /min_version: SSL3/],
    [`${URL_LINE}, basic_auth: {username: a, username_file: b}`, /username_file are both set/],
    [
      `${URL_LINE}, write_relabel_configs: [{action: keep, regex: "("}]`,
      /write_relabel_configs\[0\]: .*regex/,
    ],
  ];
  for (const [entry, message] of cases) {
    assert.throws(() => endpoints(entry), (error) => {
      return error instanceof InputError && message.test(error.message);
    }, entry);
  }
  assert.throws(() => endpoints(URL_LINE, URL_LINE), /two entries are .*: give them names/);
  assert.throws(() => configOf(`${URL_LINE}, no_such_key: 1`), /no_such_key/);
});
