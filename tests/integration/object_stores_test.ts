// deno-lint-ignore-file house/no-ambient-world
// The one contract of object stores against real servers of each API, and what the contract cannot
// see: parts of uploads, pages of listings, ranges far apart.
// A server that cannot be had skips its tests with the reason; where CI is set that is a failure.
import * as s3 from "@aws-sdk/client-s3";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

import { NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { type ObjectStore, openStore, type StoreConfig } from "../../storage/mod.ts";
import { objectStoreContract } from "../../storage/store/contract.ts";
import {
  AZURE_ACCOUNT,
  AZURE_KEY,
  type BucketServer,
  NoServerError,
  S3_KEYS,
  startAzurite,
  startFakeGcsServer,
  startVersitygw,
} from "../support/bucket_servers.ts";
import { selfSigned, TokenServer } from "../support/azure_tokens.ts";
import { findTrace, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { s3Config } from "../support/bucket_configs.ts";

const BUCKET = "traces";
const PART_BYTES = 5 << 20;

const remote = (prefix: string) => ({
  prefix,
  partBytes: PART_BYTES,
  retry: { attemptsMax: 3, backoff: { minMs: 10, maxMs: 50 } },
  hedge: { atMs: 0, upTo: 2 },
  timeoutMs: 10_000,
});

interface Backend {
  readonly name: string;
  readonly start: () => Promise<BucketServer>;
  readonly createBucket: (server: BucketServer) => Promise<void>;
  readonly config: (server: BucketServer, prefix: string, bucket?: string) => StoreConfig;
  /** Uploads that were begun and neither completed nor given up. */
  readonly unfinished?: (server: BucketServer) => Promise<number>;
}

const s3Client = ({ url }: BucketServer) =>
  new s3.S3Client({
    endpoint: url,
    region: "us-east-1",
    credentials: S3_KEYS,
    forcePathStyle: true,
  });

const BACKENDS: readonly Backend[] = [
  {
    name: "s3 (versitygw)",
    start: startVersitygw,
    createBucket: async (server) => {
      const client = s3Client(server);
      await client.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
      client.destroy();
    },
    config: (server, prefix, bucket = BUCKET) => s3Config(server, bucket, remote(prefix)),
    unfinished: async (server) => {
      const client = s3Client(server);
      const command = new s3.ListMultipartUploadsCommand({ Bucket: BUCKET });
      const { Uploads = [] } = await client.send(command);
      client.destroy();
      return Uploads.length;
    },
  },
  {
    name: "gcs (fake-gcs-server)",
    start: startFakeGcsServer,
    createBucket: async ({ url }) => {
      const answer = await fetch(`${url}/storage/v1/b?project=p`, {
        method: "POST",
        body: JSON.stringify({ name: BUCKET }),
      });
      assert.equal(answer.status, 200, await answer.text());
    },
    config: ({ url }, prefix, bucket = BUCKET) => ({
      backend: "gcs",
      gcs: { bucket, endpoint: url, isAnonymous: true, cacheControl: "", metadata: { a: "b" } },
      remote: remote(prefix),
    }),
  },
  {
    name: "azure (Azurite)",
    start: startAzurite,
    createBucket: async ({ url }) => {
      const credential = new StorageSharedKeyCredential(AZURE_ACCOUNT, AZURE_KEY);
      const service = new BlobServiceClient(`${url}/${AZURE_ACCOUNT}`, credential);
      await service.getContainerClient(BUCKET).create();
    },
    config: ({ url }, prefix, container = BUCKET) => ({
      backend: "azure",
      azure: {
        url: `${url}/${AZURE_ACCOUNT}`,
        container,
        auth: { kind: "key", accountName: AZURE_ACCOUNT, accountKey: AZURE_KEY },
      },
      remote: remote(prefix),
    }),
  },
];

/** `storage.trace` of the whole process for each of them. */
const TRACE_CONFIGS: Record<string, (server: BucketServer) => unknown> = {
  "s3 (versitygw)": ({ address }) => ({
    backend: "s3",
    s3: {
      bucket: BUCKET,
      prefix: "whole",
      endpoint: address,
      insecure: true,
      access_key: S3_KEYS.accessKeyId,
      secret_key: S3_KEYS.secretAccessKey,
      hedge_requests_at: "500ms",
    },
  }),
  "gcs (fake-gcs-server)": ({ url }) => ({
    backend: "gcs",
    gcs: { bucket_name: BUCKET, prefix: "whole", endpoint: `${url}/storage/v1/`, insecure: true },
  }),
  "azure (Azurite)": ({ address }) => ({
    backend: "azure",
    azure: {
      container_name: BUCKET,
      prefix: "whole",
      storage_account_name: AZURE_ACCOUNT,
      storage_account_key: AZURE_KEY,
      endpoint_suffix: address,
    },
  }),
};

const LOOSE = { sanitizeOps: false, sanitizeResources: false };
const servers: BucketServer[] = [];

for (const backend of BACKENDS) await withServer(backend);

Deno.test.afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

async function withServer(backend: Backend): Promise<void> {
  let server: BucketServer;
  try {
    server = await backend.start();
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    Deno.test({
      name: `${backend.name} keeps the contract (skipped: ${error.message})`,
      ignore: Deno.env.get("CI") !== "true",
      fn: () => {
        throw error;
      },
    });
    return;
  }
  servers.push(server);
  await backend.createBucket(server);
  testBackend(backend, server);
  testProcess(backend, server);
  if (backend === BACKENDS[0]) {
    testChecksums(server);
    testOutage(backend);
  }
  if (backend === BACKENDS[2]) await testIdentities();
}

function testBackend(backend: Backend, server: BucketServer): void {
  const { name } = backend;
  let tests = 0;
  const withStore = async (use: (store: ObjectStore) => Promise<void>) => {
    const store = await openStore(backend.config(server, `tempo/${tests++}`));
    await use(store);
    (store as unknown as Disposable)[Symbol.dispose]();
  };
  objectStoreContract(name, withStore, LOOSE);

  const test = (sentence: string, use: (store: ObjectStore) => Promise<void>) =>
    Deno.test({ name: `${name} ${sentence}`, fn: () => withStore(use), ...LOOSE });

  test("takes an object in parts and gives ranges of it back", async (store) => {
    const whole = numbered(2 * PART_BYTES + 12_345);
    const writer = await store.openWriter("t/b/data.parquet");
    for (let at = 0; at < whole.length; at += 1_000_003) {
      await writer.write(whole.subarray(at, at + 1_000_003));
    }
    await writer.close();
    assert.equal(await store.sizeBytes("t/b/data.parquet"), whole.length);
    assert.ok(equal(await store.read("t/b/data.parquet"), whole));
    const ranges = [
      { offset: whole.length - 100, sizeBytes: 1000 },
      { offset: 0, sizeBytes: 4 },
      { offset: PART_BYTES - 3, sizeBytes: 6 },
      { offset: 70, sizeBytes: 0 },
      { offset: 100, sizeBytes: 2_000_000 },
    ];
    const parts = await store.readRanges("t/b/data.parquet", ranges);
    assert.equal(parts.length, ranges.length);
    for (const [index, { offset, sizeBytes }] of ranges.entries()) {
      assert.ok(equal(parts[index]!, whole.subarray(offset, offset + sizeBytes)), `range ${index}`);
    }
  });

  test("takes an object of exactly one and exactly two parts", async (store) => {
    for (const parts of [1, 2]) {
      const whole = numbered(parts * PART_BYTES);
      const writer = await store.openWriter(`t/${parts}`);
      await writer.write(whole);
      await writer.close();
      assert.ok(equal(await store.read(`t/${parts}`), whole));
    }
  });

  test("keeps nothing of an upload that was given up", async (store) => {
    const writer = await store.openWriter("t/b/data.parquet");
    await writer.write(numbered(2 * PART_BYTES + 1));
    await writer.abort();
    await assert.rejects(store.read("t/b/data.parquet"), NotFoundError);
    assert.deepEqual(await store.list(""), { objects: [], prefixes: [] });
    assert.equal(await backend.unfinished?.(server) ?? 0, 0);
    await assert.rejects(writer.write(numbered(1)), /gave up/);
  });

  test("lists more than one page", async (store) => {
    const names = Array.from({ length: 1_050 }, (_, i) => `t/${String(i).padStart(4, "0")}/m`);
    await forEachOf(names, (key) => store.write(key, Uint8Array.of(1)));
    const { objects } = await store.list("t/");
    assert.deepEqual(objects.map(({ key }) => key), names);
    const { prefixes } = await store.list("t/", "/");
    assert.deepEqual(prefixes, names.map((key) => key.slice(0, -1)));
  });

  test("stays below its prefix", async (store) => {
    await store.write("a", Uint8Array.of(1));
    const above = await openStore(backend.config(server, ""));
    const { prefixes } = await above.list("", "/");
    assert.ok(prefixes.includes("tempo/") && !prefixes.includes("a"), prefixes.join());
    (above as unknown as Disposable)[Symbol.dispose]();
  });

  Deno.test({
    name: `${name} says which bucket is not there`,
    ...LOOSE,
    fn: async () => {
      const runtime = createRuntime();
      const store = await openStore(backend.config(server, "p", "no-such-bucket"), runtime);
      const isClear = (error: Error) =>
        error instanceof UnavailableError &&
        /no-such-bucket refuses LIST .*404/.test(error.message);
      await assert.rejects(store.list(""), isClear);
      (store as unknown as Disposable)[Symbol.dispose]();
      assert.match(
        await runtime.metrics.text(),
        /backend_request_duration_seconds_count\{operation="LIST",status_code="404"\} 1\n/,
      );
    },
  });
}

function testProcess(backend: Backend, server: BucketServer): void {
  Deno.test({
    name:
      `${backend.name} serves the whole process: what was sent is found by one without its disk`,
    ...LOOSE,
    fn: async () => {
      const dir = Deno.makeTempDirSync({ prefix: "segno-object-store-" });
      const trace = TRACE_CONFIGS[backend.name]!(server);
      const config = `storage: ${JSON.stringify({ trace })}`;
      const traceId = "0123456789abcdef0123456789abcdef";
      const query = `{ resource.service.name = "shop" && name = "GET /cart" && span.n = 7 }`;
      try {
        {
          await using first = await ServerProcess.start({ dir: `${dir}/1`, config });
          await sendSpan(first.otlpUrl, traceId);
          assert.equal(await first.stop(), 0, first.lines.join("\n"));
        }
        await using second = await ServerProcess.start({ dir: `${dir}/2`, config });
        const spans = await findTrace(second.url, traceId);
        assert.deepEqual(spans.map(({ name, service }) => [name, service]), [[
          "GET /cart",
          "shop",
        ]]);
        assert.deepEqual(await search(second.url, query), [{ traceId, matched: 1 }]);
        assert.equal((await search(second.url, "{ span.n = 8 }")).length, 0);
        const metrics = await (await fetch(`${second.url}/metrics`)).text();
        // The main thread lists, the host's worker wrote, the scan worker reads.
        for (const operation of ["LIST", "GET"]) {
          const counted =
            `request_duration_seconds_count{operation="${operation}",status_code="200"}`;
          assert.ok(metrics.includes(`tempodb_backend_${counted}`), counted);
        }
        assert.equal(await second.stop(), 0, second.lines.join("\n"));
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });
}

function testChecksums(server: BucketServer): void {
  for (const checksum of ["CRC32", "CRC32C", "SHA1", "SHA256"] as const) {
    Deno.test({
      name: `s3 (versitygw) takes objects with a checksum of kind ${checksum}, in one and in parts`,
      ...LOOSE,
      fn: async () => {
        const config = s3Config(server, BUCKET, remote(`sums/${checksum}`));
        const store = await openStore({ ...config, s3: { ...config.s3, checksum } });
        const whole = numbered(PART_BYTES + 10);
        await store.write("small", whole.subarray(0, 100), { ifAbsent: true });
        const writer = await store.openWriter("large");
        await writer.write(whole);
        await writer.close();
        assert.ok(equal(await store.read("large"), whole));
        assert.ok(equal(await store.read("small"), whole.subarray(0, 100)));
        (store as unknown as Disposable)[Symbol.dispose]();
      },
    });
  }
}

/** Without keys: a server that takes tokens, on TLS, and one that gives them. */
async function testIdentities(): Promise<void> {
  const certificate = await selfSigned();
  const server = await startAzurite(certificate);
  servers.push(server);
  for (const kind of ["managed_identity", "federated_token"] as const) {
    Deno.test({
      name: `azure (Azurite) is entered with a ${kind.replace("_", " ")}`,
      ...LOOSE,
      fn: async () => {
        await using tokens = new TokenServer(certificate);
        const config: StoreConfig = {
          backend: "azure",
          azure: {
            url: `${server.url.replace("http:", "https:")}/${AZURE_ACCOUNT}`,
            container: `${BUCKET}-${kind.replace("_", "-")}`,
            auth: kind === "managed_identity" ? { kind, clientId: "client-1" } : { kind },
          },
          remote: remote("p"),
        };
        const probe = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", "--cert", certificate.certPath, PROBE],
          env: {
            ...kind === "managed_identity" ? tokens.machineEnv : tokens.workloadEnv,
            NODE_EXTRA_CA_CERTS: certificate.certPath,
            STORE_CONFIG: JSON.stringify(config),
          },
          stdin: "null",
        });
        const { success, stdout, stderr } = await probe.output();
        const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
        assert.ok(success, said);
        assert.match(said, /read back what was written/);
        assert.equal(tokens.given, 1, "one token for all requests");
      },
    });
  }
  Deno.test.afterAll(() => Deno.removeSync(certificate.dir, { recursive: true }));
}

const PROBE = new URL("../support/azure_probe.ts", import.meta.url).pathname;

/** On a server of its own, for it goes away and comes back. */
function testOutage(backend: Backend): void {
  Deno.test({
    name: `${backend.name} may go away: spans are taken, and lie in blocks when it is back`,
    ...LOOSE,
    fn: async () => {
      const dir = Deno.makeTempDirSync({ prefix: "segno-object-store-" });
      await using server = await backend.start();
      await backend.createBucket(server);
      const trace = TRACE_CONFIGS[backend.name]!(server) as { s3: Record<string, unknown> };
      Object.assign(trace.s3, { retry_max_attempts: 2, retry_backoff_initial: "10ms" });
      const config = `storage: ${JSON.stringify({ trace })}`;
      const traceIds = ["1", "2", "3"].map((digit) => digit.repeat(32));
      try {
        {
          await using first = await ServerProcess.start({ dir: `${dir}/1`, config });
          await sendSpan(first.otlpUrl, traceIds[0]!);
          await flush(first.url);
          await server.stop();
          await sendSpan(first.otlpUrl, traceIds[1]!);
          // Not "no such trace": the block that cannot be read might have spans of it.
          await assert.rejects(
            findTrace(first.url, traceIds[1]!),
            /503 .*blocks could not be read: single-tenant\/.*: s3 bucket traces: GET .* failed 2 times/,
          );
          await assert.rejects(flush(first.url, 1_000)); // it goes on trying
          await sendSpan(first.otlpUrl, traceIds[2]!);
          assert.ok(first.isRunning);
          await server.restart();
          assert.equal(await first.stop(), 0, first.lines.join("\n"));
        }
        await using second = await ServerProcess.start({ dir: `${dir}/2`, config });
        for (const traceId of traceIds) {
          assert.equal((await findTrace(second.url, traceId)).length, 1, traceId);
        }
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });
}

async function flush(url: string, withinMs = 20_000): Promise<void> {
  const signal = AbortSignal.timeout(withinMs);
  const answer = await fetch(`${url}/flush`, { method: "POST", signal });
  assert.equal(answer.status, 204, await answer.text());
}

async function sendSpan(otlpUrl: string, traceId: string): Promise<void> {
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const span = {
    traceId,
    spanId: "0123456789abcdef",
    name: "GET /cart",
    startTimeUnixNano: String(nowNs),
    endTimeUnixNano: String(nowNs + 5_000_000n),
    attributes: [{ key: "n", value: { intValue: "7" } }],
  };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(otlpUrl, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.text());
}

function numbered(sizeBytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2_654_435_761);
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

/** Of megabytes, which a deep comparison takes seconds for. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

async function forEachOf<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await use(item);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}
