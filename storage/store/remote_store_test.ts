// Each vendor's client against a server that answers 503, truncates, resets and stalls.
import assert from "node:assert/strict";

import { systemClock } from "../../lib/clock.ts";
import { NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import { type Fault, FaultyHttpServer } from "../../tests/support/faulty_http.ts";
import { ExistsError, type ObjectStore } from "./object_store.ts";
import { openStore, type StoreConfig } from "./open.ts";
import type { RemoteOptions } from "./remote_store.ts";

const ATTEMPTS = 3;
const REMOTE: RemoteOptions = {
  prefix: "/tempo/",
  partBytes: 1 << 20,
  retry: { attemptsMax: ATTEMPTS, backoff: { minMs: 1, maxMs: 2 } },
  hedge: { atMs: 0, upTo: 2 },
  timeoutMs: 10_000,
};
const BODY = Uint8Array.from({ length: 300_000 }, (_, index) => index);

const CONFIGS: Record<string, (url: string, remote: RemoteOptions) => StoreConfig> = {
  s3: (url, remote) => ({
    backend: "s3",
    s3: {
      bucket: "traces",
      endpoint: url,
      region: "us-east-1",
      isPathStyle: true,
      isDualStack: false,
      credentials: { accessKeyId: "a", secretAccessKey: "s", sessionToken: undefined },
      storageClass: "STANDARD_IA",
      tags: { team: "a b" },
      metadata: { kept: "yes" },
      sse: { type: "SSE-KMS", keyId: "key-1", context: "" },
      checksum: undefined,
      tls: undefined,
    },
    remote,
  }),
  gcs: (url, remote) => ({
    backend: "gcs",
    gcs: { bucket: "traces", endpoint: url, isAnonymous: true, cacheControl: "", metadata: {} },
    remote,
  }),
  azure: (url, remote) => ({
    backend: "azure",
    azure: {
      url: `${url}/acc`,
      container: "traces",
      auth: { kind: "key", accountName: "acc", accountKey: btoa("k") },
    },
    remote,
  }),
};

const NOTHING = { sanitizeOps: false, sanitizeResources: false }; // their clients keep connections

interface Scene {
  readonly server: FaultyHttpServer;
  readonly store: ObjectStore;
  readonly runtime: Runtime;
}

function test(
  sentence: string,
  use: (scene: Scene) => Promise<void>,
  backends: readonly string[] = Object.keys(CONFIGS),
  more: Partial<RemoteOptions> = {},
): void {
  for (const backend of backends) {
    Deno.test({
      name: `${backend}: ${sentence}`,
      ...NOTHING,
      fn: async () => {
        await using server = new FaultyHttpServer(({ method, headers }) => {
          if (method === "DELETE") return { status: 204 };
          if (method !== "GET" && method !== "HEAD") return { status: 201, headers: { etag: "e" } };
          const asked = /bytes=(\d+)-(\d+)/.exec(
            headers.get("range") ?? headers.get("x-ms-range") ?? "",
          );
          if (asked === null) return { status: 200, headers: { etag: "e" }, body: BODY };
          if (Number(asked[1]) >= BODY.length) return { status: 416 };
          const [from, to] = [Number(asked[1]), Math.min(Number(asked[2]) + 1, BODY.length)];
          const range = `bytes ${from}-${to - 1}/${BODY.length}`;
          const body = BODY.subarray(from, to);
          return { status: 206, headers: { etag: "e", "content-range": range }, body };
        });
        const runtime = createRuntime();
        const config = CONFIGS[backend]!(server.url, { ...REMOTE, ...more });
        const store = await openStore(config, runtime);
        try {
          await use({ server, store, runtime });
        } finally {
          (store as unknown as Disposable)[Symbol.dispose]();
        }
      },
    });
  }
}

const WEATHER: readonly Fault[] = [
  { kind: "answer", status: 503, body: "<Error><Code>SlowDown</Code></Error>" },
  { kind: "answer", status: 500 },
  { kind: "answer", status: 429 },
  { kind: "truncate", afterBytes: 1000 },
  { kind: "reset" },
  { kind: "stall" },
];

for (const fault of WEATHER) {
  // Long enough for a machine that is busy with other tests.
  const patience = fault.kind === "stall" ? { timeoutMs: 400 } : {};
  const name = fault.kind === "answer" ? `answers ${fault.status}` : `${fault.kind}s`;

  test(
    `a read whose server ${name} is tried again`,
    async ({ server, store }) => {
      server.faults.push(fault);
      assert.deepEqual(await store.read("t/b/data"), BODY);
      assert.equal(server.requests.length, 2);
      assert.match(server.requests[0]!.path, /traces.*tempo(\/|%2F)t(\/|%2F)b(\/|%2F)data/);
    },
    undefined,
    patience,
  );

  test(
    `a read of a range whose server ${name} for ever fails and says where`,
    async (scene) => {
      const { server, store } = scene;
      for (let i = 0; i < ATTEMPTS; i++) server.faults.push(fault);
      const isClear = (error: Error) =>
        error instanceof UnavailableError &&
        /^(s3|gcs|azure) (bucket|container) traces: GET tempo\/t\/b\/data failed 3 times: ./
          .test(error.message);
      await assert.rejects(store.read("t/b/data", { offset: 5, sizeBytes: 2000 }), isClear);
      assert.equal(server.requests.length, ATTEMPTS);
    },
    undefined,
    patience,
  );

  if (fault.kind === "truncate") continue; // an empty answer has nothing to cut
  test(
    `a write whose server ${name} is tried again`,
    async ({ server, store }) => {
      server.faults.push(fault);
      await store.write("t/b/meta.json", BODY);
      assert.equal(server.requests.length, 2);
      assert.ok(server.requests[1]!.sizeBytes >= BODY.length);
    },
    undefined,
    patience,
  );
}

test("a refusal is told at once with its reason", async ({ server, store, runtime }) => {
  server.faults.push({
    kind: "answer",
    status: 403,
    body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>not you</Message></Error>',
  });
  await assert.rejects(
    store.read("t/b/data"),
    (error: Error) =>
      error instanceof UnavailableError && /refuses GET tempo\/t\/b\/data: 403/.test(error.message),
  );
  assert.equal(server.requests.length, 1);
  assert.match(
    await runtime.metrics.text(),
    /request_duration_seconds_count\{operation="GET",status_code="403"\} 1\n/,
  );
});

test("a missing object is told at once, by the product's own error", async ({ server, store }) => {
  server.faults.push({ kind: "answer", status: 404 }, { kind: "answer", status: 404 });
  await assert.rejects(store.read("none"), NotFoundError);
  await assert.rejects(store.sizeBytes("none"), NotFoundError);
  assert.equal(server.requests.length, 2);
});

test("a reader who leaves is not kept by a server that stalls", async ({ server, store }) => {
  server.faults.push({ kind: "stall" }, { kind: "stall" });
  const stop = new AbortController();
  const left = assert.rejects(store.read("t/b/data", undefined, stop.signal), /^Error: left$/);
  while (server.requests.length === 0) await sleep(systemClock, 5, stop.signal);
  stop.abort(new Error("left"));
  await left;
  assert.equal(server.requests.length, 1);
});

test(
  "a slow read is asked twice and answered once",
  async ({ server, store, runtime }) => {
    server.faults.push({ kind: "stall" });
    assert.deepEqual(await store.read("t/b/data"), BODY);
    assert.equal(server.requests.length, 2);
    assert.match(await runtime.metrics.text(), /tempodb_backend_hedged_roundtrips_total 1\n/);
  },
  undefined,
  { hedge: { atMs: 30, upTo: 2 }, timeoutMs: 10_000 },
);

test("near ranges are one request, far ones several", async ({ server, store }) => {
  const ranges = [{ offset: 10, sizeBytes: 5 }, { offset: 200_000, sizeBytes: 5 }];
  const [a, b] = await store.readRanges("t/b/data", ranges);
  assert.deepEqual(a, BODY.slice(10, 15));
  assert.deepEqual(b, BODY.slice(200_000, 200_005));
  assert.equal(server.requests.length, 1);
  const far = [{ offset: 10, sizeBytes: 5 }, { offset: 5_000_000, sizeBytes: 9 }];
  assert.deepEqual((await store.readRanges("t/b/data", far))[1], new Uint8Array());
  assert.equal(server.requests.length, 3);
});

test("a part that fails for ever takes its upload with it", async ({ server, store }) => {
  const writer = await store.openWriter("t/b/data");
  const uploadId = "<X><UploadId>u-1</UploadId></X>";
  server.faults.push({ kind: "answer", status: 200, body: uploadId });
  for (let i = 0; i < ATTEMPTS; i++) server.faults.push({ kind: "answer", status: 503 });
  await writer.write(new Uint8Array(REMOTE.partBytes + 1));
  await assert.rejects(writer.close(), UnavailableError);
  const { method, path } = server.requests.at(-1)!;
  assert.equal(method, "DELETE");
  assert.match(path, /uploadId=u-1/);
}, ["s3"]);

test("what is kept beside the bytes is sent with them", async ({ server, store }) => {
  await store.write("t/b/data", BODY);
  const { headers } = server.requests[0]!;
  assert.equal(headers.get("x-amz-storage-class"), "STANDARD_IA");
  assert.equal(headers.get("x-amz-tagging"), "team=a+b");
  assert.equal(headers.get("x-amz-meta-kept"), "yes");
  assert.equal(headers.get("x-amz-server-side-encryption"), "aws:kms");
  assert.equal(headers.get("x-amz-server-side-encryption-aws-kms-key-id"), "key-1");
}, ["s3"]);

for (const checksum of ["CRC32", "CRC32C", "SHA1", "SHA256"] as const) {
  Deno.test({
    name: `s3: a checksum of kind ${checksum} goes with what is written, of parts too`,
    ...NOTHING,
    fn: async () => {
      const header = `x-amz-checksum-${checksum.toLowerCase()}`;
      let completed = "";
      await using server = new FaultyHttpServer(({ method, path, headers }) => {
        const sum = headers.get(header);
        if (path.includes("uploads")) {
          return { status: 200, body: bytesOf("<X><UploadId>u-1</UploadId></X>") };
        }
        if (method === "POST") {
          completed = path;
          return { status: 200, body: bytesOf("<X><ETag>e</ETag></X>") };
        }
        return { status: 200, headers: { etag: "e", ...sum === null ? {} : { [header]: sum } } };
      });
      const config = CONFIGS.s3!(server.url, REMOTE);
      assert.equal(config.backend, "s3");
      const store = await openStore({ ...config, s3: { ...config.s3, checksum } });
      await store.write("a", BODY);
      const writer = await store.openWriter("b");
      await writer.write(new Uint8Array(REMOTE.partBytes + 1));
      await writer.close();
      const sums = server.requests.filter(({ method }) => method === "PUT")
        .map(({ headers }) => headers.get(header));
      assert.equal(sums.length, 3);
      assert(sums.every((sum) => sum !== null && sum !== ""), sums.join());
      assert.match(completed, /uploadId=u-1/);
      (store as unknown as Disposable)[Symbol.dispose]();
    },
  });
}

Deno.test({
  name: "s3: one's own key of encryption goes with every request that needs it",
  ...NOTHING,
  fn: async () => {
    await using server = new FaultyHttpServer(({ method }) => {
      return {
        status: 200,
        headers: { etag: "e" },
        body: method === "GET" ? BODY : new Uint8Array(),
      };
    });
    const config = CONFIGS.s3!(server.url, REMOTE);
    assert.equal(config.backend, "s3");
    const key = "0123456789abcdef0123456789abcdef";
    const store = await openStore({ ...config, s3: { ...config.s3, sse: { type: "SSE-C", key } } });
    await store.write("a", BODY);
    await store.read("a");
    await store.sizeBytes("a");
    for (const { headers } of server.requests) {
      const customer = "x-amz-server-side-encryption-customer";
      assert.equal(headers.get(`${customer}-algorithm`), "AES256");
      assert.equal(headers.get(`${customer}-key`), btoa(key));
    }
    assert.equal(server.requests.length, 3);
    (store as unknown as Disposable)[Symbol.dispose]();
  },
});

Deno.test({
  name: "s3: a conditional write whose answer was lost is known as one's own, another's is not",
  ...NOTHING,
  fn: async () => {
    const stored = { writeId: "" };
    await using server = new FaultyHttpServer(({ method, headers }) => {
      if (method === "HEAD") {
        return { status: 200, headers: { "x-amz-meta-segno-write-id": stored.writeId } };
      }
      assert.equal(headers.get("if-none-match"), "*");
      // The server takes it; below the answer gets lost.
      const isFirst = stored.writeId === "";
      if (isFirst) stored.writeId = headers.get("x-amz-meta-segno-write-id")!;
      return { status: isFirst ? 503 : 412 };
    });
    const store = await openStore(CONFIGS.s3!(server.url, REMOTE));
    await store.write("lock", BODY, { ifAbsent: true });
    assert.deepEqual(server.requests.map(({ method }) => method), ["PUT", "PUT", "HEAD"]);
    await assert.rejects(store.write("lock", BODY, { ifAbsent: true }), ExistsError);
    server.faults.push({ kind: "reset" });
    await assert.rejects(store.write("lock", BODY, { ifAbsent: true }), ExistsError);
    (store as unknown as Disposable)[Symbol.dispose]();
  },
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
