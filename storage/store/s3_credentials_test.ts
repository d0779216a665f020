// deno-lint-ignore-file house/no-ambient-world
// Who asks a bucket where no keys are configured: the environment, or the role of the machine.
import assert from "node:assert/strict";

import { s3Config } from "../../tests/support/bucket_configs.ts";
import { FaultyHttpServer } from "../../tests/support/faulty_http.ts";
import { openStore } from "./open.ts";
import type { S3Encryption, S3Options } from "./s3.ts";

const REMOTE = {
  prefix: "",
  partBytes: 1 << 20,
  retry: { attemptsMax: 1, backoff: { minMs: 1, maxMs: 2 } },
  hedge: { atMs: 0, upTo: 2 },
  timeoutMs: 10_000,
};
const LOOSE = { sanitizeOps: false, sanitizeResources: false };
const NONE = [
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"],
  ...["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
];

/** The headers of one write with this environment and these options. */
async function written(env: Record<string, string>, more: Partial<S3Options>): Promise<Headers> {
  await using server = new FaultyHttpServer(() => ({ status: 200, headers: { etag: "e" } }));
  const before = new Map([...NONE, ...Object.keys(env)].map((name) => [name, Deno.env.get(name)]));
  for (const name of NONE) Deno.env.delete(name);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    const config = s3Config(server, "traces", REMOTE);
    const store = await openStore({ ...config, s3: { ...config.s3, ...more } });
    await store.write("a", Uint8Array.of(1));
    (store as unknown as Disposable)[Symbol.dispose]();
    return server.requests[0]!.headers;
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

const keyOf = (headers: Headers) =>
  /Credential=([^/]+)\//.exec(headers.get("authorization") ?? "")?.[1];

Deno.test({
  name: "static keys sign, and a session's token goes with them",
  ...LOOSE,
  fn: async () => {
    const credentials = { accessKeyId: "OWN", secretAccessKey: "s", sessionToken: "token-1" };
    const headers = await written({ AWS_ACCESS_KEY_ID: "ENV" }, { credentials });
    assert.equal(keyOf(headers), "OWN");
    assert.equal(headers.get("x-amz-security-token"), "token-1");
  },
});

Deno.test({
  name: "without keys those of the environment sign",
  ...LOOSE,
  fn: async () => {
    const env = { AWS_ACCESS_KEY_ID: "ENV", AWS_SECRET_ACCESS_KEY: "s" };
    assert.equal(keyOf(await written(env, { credentials: undefined })), "ENV");
  },
});

Deno.test({
  name: "without those the role of the machine is asked for",
  ...LOOSE,
  fn: async () => {
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    const role = { AccessKeyId: "ROLE", SecretAccessKey: "s", Token: "t", Expiration: expires };
    await using metadata = new FaultyHttpServer(() => ({
      status: 200,
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(JSON.stringify(role)),
    }));
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${metadata.url}/role` };
    const headers = await written(env, { credentials: undefined });
    assert.equal(keyOf(headers), "ROLE");
    assert.equal(headers.get("x-amz-security-token"), "t");
  },
});

const encryption: [S3Encryption, Record<string, string | null>][] = [
  [{ type: "SSE-S3" }, { "x-amz-server-side-encryption": "AES256" }],
  [{ type: "SSE-KMS", keyId: "", context: `{"a":"b"}` }, {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": null,
    "x-amz-server-side-encryption-context": btoa(`{"a":"b"}`),
  }],
];
for (const [sse, expected] of encryption) {
  Deno.test({
    name: `${sse.type} is asked for with what is written`,
    ...LOOSE,
    fn: async () => {
      const headers = await written({}, { sse });
      for (const [name, value] of Object.entries(expected)) assert.equal(headers.get(name), value);
    },
  });
}
