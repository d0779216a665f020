// deno-lint-ignore-file no-console house/no-ambient-world
// Ten thousand blocks in a real S3 server: what a poll asks for, and how long it takes.
import * as s3 from "@aws-sdk/client-s3";
import assert from "node:assert/strict";

import { createRuntime } from "../../lib/runtime.ts";
import { type BlockMeta, dataKey, metaKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { BlockList, type IndexRole, openStore } from "../../storage/mod.ts";
import { s3Config } from "../support/bucket_configs.ts";
import {
  type BucketServer,
  NoServerError,
  S3_KEYS,
  startVersitygw,
} from "../support/bucket_servers.ts";

const BUCKET = "traces";
const PREFIX = "segno";
const TENANT = "acme";
const BLOCKS = 10_000;

Deno.test("10,000 blocks are polled with an index in 2 s and 2 requests, and listed reading new metas only", async () => {
  let server: BucketServer;
  try {
    server = await startVersitygw();
  } catch (error) {
    if (!(error instanceof NoServerError) || Deno.env.get("CI") === "true") throw error;
    console.warn(`skipped: ${error.message}`);
    return;
  }
  await using _server = server;
  await createBucket(server);
  for (let n = 0; n < BLOCKS; n++) placeBlock(server, n);

  const builder = await aProcess(server, { role: "build", emptyTenantAgeMs: undefined });
  const first = await builder.poll();
  assert.deepEqual(first.requests, { LIST: 1 + pages(BLOCKS * 4), GET: BLOCKS, PUT: 2 });
  assert.equal(builder.list.blocks(TENANT).length, BLOCKS);
  for (let n = BLOCKS; n < BLOCKS + 10; n++) placeBlock(server, n);
  const objects = (BLOCKS + 10) * 4 + 2; // and the two of the index
  const second = await builder.poll();
  assert.deepEqual(second.requests, { LIST: 1 + pages(objects), GET: 10, PUT: 2 });
  builder.close();

  const reader = await aProcess(server, {
    role: "read",
    isFallbackAllowed: false,
    ageMaxMs: 60_000,
  });
  const read = await reader.poll();
  assert.deepEqual(read.requests, { LIST: 1, GET: 1 });
  assert.equal(reader.list.blocks(TENANT).length, BLOCKS + 10);
  assert.ok(read.ms <= 2000, `${read.ms} ms`);
  reader.close();

  const again = await aProcess(server, { role: "build", emptyTenantAgeMs: undefined });
  const restarted = await again.poll();
  assert.deepEqual(restarted.requests, { LIST: 1 + pages(objects), GET: 1, PUT: 2 });
  assert.deepEqual(again.list.blocks(TENANT), reader.list.blocks(TENANT));
  again.close();
  const told = Object.entries({ first, second, read, restarted }).map(([name, { ms }]) =>
    `${name} ${Math.round(ms)} ms`
  );
  console.log(`poll of ${BLOCKS} blocks: ${told.join(", ")}`);
});

/** Of a listing. */
const pages = (objects: number) => Math.ceil(objects / 1000);

async function createBucket({ url }: BucketServer): Promise<void> {
  const client = new s3.S3Client({
    endpoint: url,
    region: "us-east-1",
    credentials: S3_KEYS,
    forcePathStyle: true,
  });
  await client.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
}

/** As files where the server has them: forty thousand uploads would be the longer part. */
function placeBlock({ dir }: BucketServer, n: number): void {
  const meta = aMeta(n);
  const path = (key: string) => `${dir}/${BUCKET}/${PREFIX}/${key}`;
  const folder = dataKey(TENANT, meta.blockID).replace("/data.parquet", "");
  Deno.mkdirSync(path(folder), { recursive: true });
  for (const name of ["data.parquet", "bloom-0", "index"]) {
    Deno.writeFileSync(path(`${folder}/${name}`), new Uint8Array(1));
  }
  Deno.writeTextFileSync(path(metaKey(TENANT, meta.blockID)), JSON.stringify(meta));
}

function aMeta(n: number): BlockMeta {
  const startMs = 1_767_268_800_000 + n * 60_000;
  const time = (ms: number) => new Date(ms).toISOString().replace(".000", "");
  const noise = (Math.imul(n, 2_654_435_761) >>> 0).toString(16).padStart(8, "0");
  return {
    format: "vParquet5",
    blockID: `${noise}-0000-4000-8000-${String(n).padStart(12, "0")}`,
    tenantID: TENANT,
    startTime: time(startMs),
    endTime: time(startMs + 300_000),
    totalObjects: 1000 + n,
    size: 10_000_000 + Math.imul(n, 7919) % 1_000_000,
    compactionLevel: n % 3,
    indexPageSize: 0,
    totalRecords: 2,
    bloomShards: 1,
    footerSize: 17_000 + n % 500,
    dedicatedColumns: defaultDedicated.columns,
    replicationFactor: 1,
    totalSpans: 150_000 + n,
  };
}

async function aProcess(server: BucketServer, indexes: IndexRole) {
  const runtime = createRuntime();
  const store = await openStore(
    s3Config(server, BUCKET, {
      prefix: PREFIX,
      partBytes: 5 << 20,
      retry: { attemptsMax: 1, backoff: { minMs: 10, maxMs: 50 } },
      hedge: { atMs: 0, upTo: 2 },
      timeoutMs: 10_000,
    }),
    runtime,
  );
  const list = new BlockList(runtime, store, {
    readsMax: 50,
    patience: { tenantsMax: 10, jitterMs: 0, repeatsMax: 0, failedTenantsMax: 0 },
    indexes,
  });
  const requests = async () => {
    const counts: Record<string, number> = {};
    for (const line of (await runtime.metrics.text()).split("\n")) {
      const match = /^tempodb_backend_request_duration_seconds_count\{operation="(\w+)".* (\d+)$/
        .exec(line);
      if (match !== null) counts[match[1]!] = (counts[match[1]!] ?? 0) + Number(match[2]);
    }
    return counts;
  };
  return {
    list,
    async poll() {
      const before = await requests();
      const startedMs = performance.now();
      await list.poll();
      const ms = performance.now() - startedMs;
      const after = Object.entries(await requests());
      const made = after.map(([operation, n]) =>
        [operation, n - (before[operation] ?? 0)] as const
      );
      return { ms, requests: Object.fromEntries(made.filter(([, n]) => n > 0)) };
    },
    close: () => (store as Partial<Disposable>)[Symbol.dispose]?.(),
  };
}
