import assert from "node:assert/strict";
import { ConfigSchema } from "../config/schema.ts";
import { kafkaSettings } from "./kafka_settings.ts";

const of = (kafka: Record<string, unknown>) =>
  kafkaSettings(
    ConfigSchema.parse({ ingest: { kafka: { topic: "spans", ...kafka } } }),
    "segno-host",
    (path) => `contents of ${path}`,
  );

Deno.test("a topic is reached in the clear and made if need be, unless told otherwise", () => {
  const settings = of({ address: "a:9092, b:9092" });
  assert.deepEqual(settings.brokers, ["a:9092", "b:9092"]);
  assert.deepEqual([settings.topic, settings.clientId], ["spans", "segno-host"]);
  assert.deepEqual([settings.sasl, settings.tls, settings.clientRack], [
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(settings.createPartitions, 1000);
  assert.equal(of({ auto_create_topic_enabled: false }).createPartitions, undefined);
  assert.equal(of({ client_id: "me", producer_compression: "zstd" }).compression, "zstd");
  assert.equal(of({ producer_max_buffered_bytes: 0 }).bufferedBytesMax, Infinity);
});

Deno.test("who one is, is told in one of Kafka's ways, and what is missing by its key", () => {
  const person = { sasl_username: "me", sasl_password: "secret" };
  const plain = { mechanism: "PLAIN", username: "me", password: "secret" };
  assert.deepEqual(of(person).sasl, plain);
  assert.deepEqual(of({ ...person, sasl_mechanism: "PLAIN" }).sasl, plain);
  const scram = of({ ...person, sasl_mechanism: "SCRAM-SHA-512" }).sasl;
  assert.equal(scram?.mechanism, "SCRAM-SHA-512");
  assert.throws(() => of({ sasl_mechanism: "SCRAM-SHA-256" }), /ingest\.kafka\.sasl_username/);
  assert.throws(() => of({ sasl_mechanism: "AWS_MSK_IAM" }), /AWS_MSK_IAM is not in this version/);

  const bearer = { sasl_mechanism: "OAUTHBEARER" };
  assert.throws(() => of(bearer), /needs a token, a file or a socket/);
  assert.deepEqual(of({ ...bearer, sasl_oauthbearer_token: "t" }).sasl, {
    mechanism: "OAUTHBEARER",
    token: { from: "value", token: "t" },
    extensions: {},
  });
  const fromFile = of({
    ...bearer,
    sasl_oauthbearer_file_path: "/token",
    sasl_oauthbearer_extensions: "logicalCluster=lkc-1, pool = p=1",
  }).sasl;
  assert.deepEqual(fromFile, {
    mechanism: "OAUTHBEARER",
    token: { from: "file", path: "/token" },
    extensions: { logicalCluster: "lkc-1", pool: "p=1" },
  });
  const socket = of({ ...bearer, sasl_oauthbearer_http_socket_path: "/s" }).sasl;
  assert.deepEqual(socket?.mechanism === "OAUTHBEARER" && socket.token, {
    from: "socket",
    path: "/s",
    timeoutMs: 10_000,
  });
  const token = { ...bearer, sasl_oauthbearer_token: "t" };
  assert.throws(() => of({ ...token, sasl_oauthbearer_extensions: "nothing" }), /name=value/);
  assert.throws(() => of({ ...token, sasl_oauthbearer_zid: "z" }), /sasl_oauthbearer_zid/);
});

Deno.test("certificates are read where they are named", () => {
  assert.deepEqual(of({ tls_enabled: true }).tls, {
    ca: undefined,
    cert: undefined,
    key: undefined,
    serverName: undefined,
    isUnverified: false,
  });
  const { ca, cert, key, serverName } = of({
    tls_ca_path: "/ca",
    tls_cert_path: "/cert",
    tls_key_path: "/key",
    tls_server_name: "kafka",
  }).tls!;
  assert.deepEqual([ca, cert, key, serverName], [
    "contents of /ca",
    "contents of /cert",
    "contents of /key",
    "kafka",
  ]);
  assert.throws(() => of({ tls_cert_path: "/cert" }), /tls_key_path/);
});
