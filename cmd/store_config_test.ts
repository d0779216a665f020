import assert from "node:assert/strict";

import { ConfigSchema } from "./config/schema.ts";
import { storeConfig } from "./store_config.ts";

const of = (trace: unknown) => storeConfig(ConfigSchema.parse({ storage: { trace } }));

const KEYS = { bucket: "traces", access_key: "a", secret_key: "s" };
function s3(more: Record<string, unknown>) {
  const config = of({ backend: "s3", s3: { ...KEYS, ...more } });
  assert.equal(config.backend, "s3");
  return config;
}

Deno.test("blocks lie on the local disk unless told otherwise", () => {
  assert.deepEqual(of({ local: { path: "/b" } }), { backend: "local", local: { path: "/b" } });
});

Deno.test("an S3 endpoint of one's own is reached by path, and without TLS only where it says so", () => {
  const { s3: own } = s3({ endpoint: "minio:9000", insecure: true });
  assert.equal(own.endpoint, "http://minio:9000");
  assert.equal(own.isPathStyle, true);
  assert.equal(own.region, "us-east-1");
  assert.equal(s3({ endpoint: "minio:9000" }).s3.endpoint, "https://minio:9000");
  assert.equal(s3({ endpoint: "minio:9000", bucket_lookup_type: 1 }).s3.isPathStyle, false);
});

Deno.test("Amazon's endpoints name the region, and buckets are hosts there", () => {
  for (
    const [endpoint, region] of [
      ["s3.eu-central-1.amazonaws.com", "eu-central-1"],
      ["s3.dualstack.us-east-2.amazonaws.com", "us-east-2"],
      ["s3.amazonaws.com", "us-east-1"],
    ]
  ) {
    const { s3: amazon } = s3({ endpoint });
    assert.deepEqual([amazon.endpoint, amazon.region, amazon.isPathStyle], [
      undefined,
      region,
      false,
    ]);
  }
  assert.equal(s3({ endpoint: "s3.amazonaws.com", region: "eu-west-1" }).s3.region, "eu-west-1");
  assert.equal(s3({}).s3.region, undefined);
  assert.equal(s3({ forcepathstyle: true }).s3.isPathStyle, true);
});

Deno.test("without static keys the vendor's chain of credentials is asked", () => {
  assert.equal(s3({ access_key: "", secret_key: "" }).s3.credentials, undefined);
  assert.deepEqual(s3({ session_token: "t" }).s3.credentials, {
    accessKeyId: "a",
    secretAccessKey: "s",
    sessionToken: "t",
  });
});

Deno.test("retries, hedging, parts and encryption are as their keys say", () => {
  const { remote, s3: { sse, tls } } = s3({
    prefix: "tempo",
    part_size: 1,
    retry_max_attempts: 3,
    retry_backoff_initial: "50ms",
    retry_backoff_max: "2s",
    hedge_requests_at: "500ms",
    hedge_requests_up_to: 3,
    sse: { type: "SSE-KMS", kms_key_id: "k" },
    tls_ca_path: "/ca.pem",
  });
  assert.deepEqual(remote, {
    prefix: "tempo",
    partBytes: 5 << 20,
    retry: { attemptsMax: 3, backoff: { minMs: 50, maxMs: 2000 } },
    hedge: { atMs: 500, upTo: 3 },
    timeoutMs: 30_000,
  });
  assert.deepEqual(sse, { type: "SSE-KMS", keyId: "k", context: "" });
  assert.equal(tls?.caPath, "/ca.pem");
});

Deno.test("a GCS endpoint may be written with the API's path", () => {
  const gcs = (more: Record<string, unknown>) => {
    const config = of({ backend: "gcs", gcs: { bucket_name: "b", ...more } });
    assert.equal(config.backend, "gcs");
    return config;
  };
  assert.equal(gcs({}).gcs.endpoint, "https://storage.googleapis.com");
  assert.equal(gcs({}).gcs.isAnonymous, false);
  const emulator = gcs({ endpoint: "https://gcs:4443/storage/v1/", insecure: true });
  assert.equal(emulator.gcs.endpoint, "https://gcs:4443");
  assert.equal(emulator.gcs.isAnonymous, true);
  assert.equal(gcs({ chunk_buffer_size: 300_000 }).remote.partBytes, 2 * 256 * 1024);
  assert.equal(gcs({ max_retries: 0 }).remote.retry.attemptsMax, 1);
});

Deno.test("an Azure account is a host there and a path on an emulator", () => {
  const url = (more: Record<string, unknown>) => {
    const azure = { container_name: "c", storage_account_name: "acc", storage_account_key: "aw==" };
    const config = of({ backend: "azure", azure: { ...azure, ...more } });
    assert.equal(config.backend, "azure");
    return config.azure.url;
  };
  assert.equal(url({}), "https://acc.blob.core.windows.net");
  assert.equal(url({ endpoint_suffix: "azurite:10000" }), "http://azurite:10000/acc");
});

Deno.test("Azure is entered with a key, with the machine's identity or with a workload's token", () => {
  const auth = (more: Record<string, unknown>) => {
    const azure = { container_name: "c", storage_account_name: "acc", ...more };
    const config = of({ backend: "azure", azure });
    assert.equal(config.backend, "azure");
    return config.azure.auth;
  };
  assert.deepEqual(auth({ storage_account_key: "aw==" }), {
    kind: "key",
    accountName: "acc",
    accountKey: "aw==",
  });
  assert.deepEqual(auth({ use_managed_identity: true, user_assigned_id: "id" }), {
    kind: "managed_identity",
    clientId: "id",
  });
  assert.deepEqual(auth({ use_federated_token: true }), { kind: "federated_token" });
});

Deno.test("a checksum is one that the client can make", () => {
  assert.equal(s3({}).s3.checksum, undefined);
  assert.equal(s3({ checksum_type: "sha256" }).s3.checksum, "SHA256");
});

Deno.test("what is missing or not in this version is refused by its key", async (t) => {
  const cases: [trace: unknown, message: RegExp][] = [
    [{ backend: "s3" }, /^storage\.trace\.s3\.bucket: is empty$/],
    [{ backend: "s3", s3: { ...KEYS, secret_key: "" } }, /^storage\.trace\.s3\.secret_key: /],
    [{ backend: "s3", s3: { ...KEYS, signature_v2: true } }, /s3\.signature_v2: /],
    [{ backend: "s3", s3: { ...KEYS, checksum_type: "MD5" } }, /s3\.checksum_type: /],
    [{ backend: "s3", s3: { ...KEYS, retry_max_attempts: 0 } }, /s3\.retry_max_attempts: /],
    [
      { backend: "s3", s3: { ...KEYS, sse: { type: "SSE-C", encryption_key: "short" } } },
      /s3\.sse\.encryption_key: must have 32 bytes/,
    ],
    [{ backend: "gcs" }, /gcs\.bucket_name: /],
    [{ backend: "azure" }, /azure\.container_name: /],
    [
      {
        backend: "azure",
        azure: { container_name: "c", storage_account_name: "a" },
      },
      /azure\.storage_account_key: is empty, and neither use_federated_token/,
    ],
  ];
  for (const [trace, message] of cases) {
    await t.step(String(message), () => assert.throws(() => of(trace), { message }));
  }
});
