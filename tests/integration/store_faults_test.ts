// A bucket in bad weather, end to end: a real server behind a proxy that answers 503, breaks off, cuts short,
// stalls and shows a listing of before. What passes is outwaited; what lasts is told with tenant, block
// and object, in the answer and in the log.
import * as s3 from "@aws-sdk/client-s3";
import assert from "node:assert/strict";

import {
  type BucketServer,
  NoServerError,
  S3_KEYS,
  startVersitygw,
} from "../support/bucket_servers.ts";
import type { Fault } from "../support/faulty_http.ts";
import { FaultyProxy } from "../support/faulty_proxy.ts";
import { eventually, findTrace, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { sendOtlp, someTrace } from "../support/some_trace.ts";

const BUCKET = "traces";
const TENANT = "single-tenant";
const ATTEMPTS = 3;
const TRACE_ID = "0123456789abcdef0123456789abcdef";
const QUERY = `{ span.which = "${TRACE_ID}" }`;
const LOOSE = { sanitizeOps: false, sanitizeResources: false };

async function testIfThereIsAServer(): Promise<void> {
  let server: BucketServer;
  try {
    server = await startVersitygw();
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    Deno.test({
      name: `a bucket in bad weather (skipped: ${error.message})`,
      ignore: Deno.env.get("CI") !== "true",
      fn: () => {
        throw error;
      },
    });
    return;
  }
  const proxy = await FaultyProxy.before(server.address);
  Deno.test.afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const client = new s3.S3Client({
    endpoint: server.url,
    region: "us-east-1",
    credentials: S3_KEYS,
    forcePathStyle: true,
  });
  await client.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
  testWeather(new Scene(server, proxy, client));
}

class Scene {
  constructor(
    readonly server: BucketServer,
    readonly proxy: FaultyProxy,
    readonly client: s3.S3Client,
  ) {}

  /** A process with no disk of its own: what it knows is in the bucket. */
  async withProcess(use: (process: ServerProcess) => Promise<void>, more = {}): Promise<void> {
    const dir = Deno.makeTempDirSync({ prefix: "segno-faults-" });
    const keys = {
      bucket: BUCKET,
      endpoint: this.proxy.address,
      insecure: true,
      access_key: S3_KEYS.accessKeyId,
      secret_key: S3_KEYS.secretAccessKey,
      retry_max_attempts: ATTEMPTS,
      retry_backoff_initial: "5ms",
      retry_backoff_max: "20ms",
      ...more,
    };
    const trace = { backend: "s3", blocklist_poll: "1s", s3: keys };
    try {
      const config = `storage: ${JSON.stringify({ trace })}`;
      await using process = await ServerProcess.start({ dir, config });
      await use(process);
      this.proxy.rule = () => undefined;
      assert.equal(await process.stop(), 0, process.lines.join("\n"));
    } finally {
      this.proxy.rule = () => undefined;
      Deno.removeSync(dir, { recursive: true });
    }
  }

  /** Every request for this object, or so many of them, meets the fault. */
  strike(pattern: RegExp, fault: Fault, times = Infinity): void {
    this.proxy.rule = ({ path }) => pattern.test(path) && times-- > 0 ? fault : undefined;
  }
}

function testWeather(scene: Scene): void {
  const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...LOOSE });
  let blockId = "";

  test("a block is written through it, though every first request fails", async () => {
    await scene.withProcess(async ({ otlpUrl, url }) => {
      const tried = new Set<string>();
      scene.proxy.rule = ({ method, path }) => {
        const request = `${method} ${path}`;
        if (tried.has(request)) return undefined;
        tried.add(request);
        return { kind: "answer", status: 503, body: "<Error><Code>SlowDown</Code></Error>" };
      };
      const sent = await sendOtlp(
        otlpUrl,
        someTrace({ traceId: TRACE_ID, attributes: { which: TRACE_ID } }),
      );
      assert.equal(sent.status, 200, sent.text);
      const flushed = await fetch(`${url}/flush`, { method: "POST" });
      assert.equal(flushed.status, 204, await flushed.text());
      assert(tried.size > 4, [...tried].join("\n"));
    });
    const listed = await scene.client.send(new s3.ListObjectsV2Command({ Bucket: BUCKET }));
    const keys = (listed.Contents ?? []).map(({ Key }) => Key!);
    const meta = keys.find((key) => key.endsWith("/meta.json"));
    assert(meta !== undefined, keys.join("\n"));
    blockId = meta.split("/")[1]!;
  });

  const passing: [string, Fault][] = [
    ["503", { kind: "answer", status: 503, body: "<Error><Code>SlowDown</Code></Error>" }],
    ["a broken connection", { kind: "reset" }],
    ["an answer cut short", { kind: "truncate", afterBytes: 100 }],
  ];
  for (const [name, fault] of passing) {
    test(`${name}, twice, is outwaited: the query does not notice`, async () => {
      await scene.withProcess(async ({ url }) => {
        scene.strike(/data\.parquet/, fault, ATTEMPTS - 1);
        assert.equal((await search(url, QUERY)).length, 1);
        scene.strike(/bloom-0/, fault, ATTEMPTS - 1);
        assert.equal((await findTrace(url, TRACE_ID)).length, 2);
      });
    });

    test(`${name} for ever is told with tenant, block and object, in answer and log`, async () => {
      await scene.withProcess(async ({ url, lines }) => {
        const object = `${TENANT}/${blockId}/data.parquet`;
        scene.strike(/data\.parquet/, fault);
        const searched = await fetch(`${url}/api/search?q=${encodeURIComponent(QUERY)}`);
        const told = await searched.text();
        assert.equal(searched.status, 503, told);
        assert(told.includes(object) && told.includes(`failed ${ATTEMPTS} times`), told);
        const line = await eventually(
          () => Promise.resolve(lines.find((line) => line.includes(object)) ?? ""),
          (line) => line !== "",
        );
        assert(line.includes("request failed") && line.includes("/api/search"), line);

        scene.strike(/bloom-0/, fault);
        const found = await fetch(`${url}/api/traces/${TRACE_ID}`);
        const text = await found.text();
        assert.equal(found.status, 503, text);
        assert(text.includes(`${TENANT}/${blockId}/bloom-0`), text);
        scene.proxy.rule = () => undefined;
        assert.equal((await search(url, QUERY)).length, 1, "and it is over when the weather is");
      });
    });
  }

  test("a server that stalls is asked a second time, where hedging is on", async () => {
    await scene.withProcess(async ({ url }) => {
      scene.strike(/data\.parquet/, { kind: "stall" }, 1);
      assert.equal((await search(url, QUERY)).length, 1);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      assert.match(metrics, /tempodb_backend_hedged_roundtrips_total [1-9]/);
    }, { hedge_requests_at: "300ms" });
  });

  test("a listing of before, which names a block that is gone: told by its name, and mended", async () => {
    let stale = "";
    await scene.withProcess(async ({ url }) => {
      assert.equal((await search(url, QUERY)).length, 1);
      stale = await listingOf(scene);
    });
    const objects = await objectsOf(scene, blockId);
    await scene.withProcess(async ({ url }) => {
      // It has listed the block and not opened it, and from now on sees that listing for ever.
      scene.proxy.rule = ({ path }) =>
        !path.includes("list-type=2") ? undefined : {
          kind: "answer",
          status: 200,
          body: path.includes("delimiter") ? TENANTS : stale,
        };
      await removed(scene, objects);
      const searched = await fetch(`${url}/api/search?q=${encodeURIComponent(QUERY)}`);
      const told = await searched.text();
      assert.equal(searched.status, 503, told);
      assert(told.includes(`block ${TENANT}/${blockId} is gone`), told);
      scene.proxy.rule = () => undefined;
      const left = await eventually(
        async () => (await fetch(`${url}/api/search?q=${encodeURIComponent(QUERY)}`)).status,
        (status) => status === 200,
      );
      assert.equal(left, 200, "the next listing is the truth");
    });
    for (const [key, bytes] of objects) {
      const command = new s3.PutObjectCommand({ Bucket: BUCKET, Key: key, Body: bytes });
      await scene.client.send(command);
    }
  });

  test("a meta.json that is garbage hides its block, and is counted", async () => {
    const garbage = `${TENANT}/00000000-0000-4000-8000-00000000dead/meta.json`;
    await scene.client.send(
      new s3.PutObjectCommand({ Bucket: BUCKET, Key: garbage, Body: "{not json" }),
    );
    await scene.withProcess(async ({ url, lines }) => {
      assert.equal((await search(url, QUERY)).length, 1);
      assert.equal((await findTrace(url, TRACE_ID)).length, 2);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      assert.match(metrics, /segno_blocklist_garbage_metas_total\{tenant="single-tenant"\} [1-9]/);
      assert(lines.some((line) => line.includes(garbage)), lines.join("\n"));
    });
  });
}

const TENANTS = `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>` +
  `<CommonPrefixes><Prefix>${TENANT}/</Prefix></CommonPrefixes></ListBucketResult>`;

/** What there is now, as the server would tell it. */
async function listingOf({ client }: Scene): Promise<string> {
  const { Contents = [], Name } = await client.send(
    new s3.ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${TENANT}/` }),
  );
  const rows = Contents.map(({ Key, Size }) =>
    `<Contents><Key>${Key}</Key><Size>${Size}</Size></Contents>`
  );
  return `<?xml version="1.0"?><ListBucketResult><Name>${Name}</Name>` +
    `<IsTruncated>false</IsTruncated>${rows.join("")}</ListBucketResult>`;
}

async function objectsOf({ client }: Scene, blockId: string): Promise<Map<string, Uint8Array>> {
  const { Contents = [] } = await client.send(
    new s3.ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${TENANT}/${blockId}/` }),
  );
  const objects = new Map<string, Uint8Array>();
  for (const { Key } of Contents) {
    const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: BUCKET, Key: Key! }));
    objects.set(Key!, await Body!.transformToByteArray());
  }
  return objects;
}

async function removed({ client }: Scene, objects: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const Key of objects.keys()) {
    await client.send(new s3.DeleteObjectCommand({ Bucket: BUCKET, Key }));
  }
}

await testIfThereIsAServer();
