// deno-lint-ignore-file no-console house/no-ambient-world
// A scheduler and two workers as processes of their own on one bucket, killed again and again; beside them,
// for a while, an `all` process that looks after the same blocks by itself, as in a rolling update.
// Laws: every trace is there once, nothing that a crash left stays, and redaction leaves a receipt.
import assert from "node:assert/strict";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { compile, execute } from "../../query/engine/mod.ts";
import {
  BlockCache,
  BlockList,
  type ObjectStore,
  openBlock,
  openStore,
  type StoreConfig,
  writeBlock,
} from "../../storage/mod.ts";
import { s3Config } from "../support/bucket_configs.ts";
import { NoServerError, S3_KEYS, startVersitygw } from "../support/bucket_servers.ts";
import { eventually, metric } from "../support/query_client.ts";
import { realisticTraces } from "../support/realistic.ts";
import { freePorts, type ServerPorts, ServerProcess } from "../support/server_process.ts";

const TENANTS = ["acme", "other"];
const BLOCKS = 8;
const SPANS_PER_BLOCK = 6_000;
const NEVER = new AbortController().signal;

interface Bucket extends AsyncDisposable {
  readonly store: StoreConfig;
  /** YAML of `storage.trace`. */
  readonly yaml: string;
}

const buckets: Readonly<Record<string, () => Promise<Bucket>>> = {
  "local disk": () => {
    const path = Deno.makeTempDirSync({ prefix: "segno-scheduler-bucket-" });
    return Promise.resolve({
      store: { backend: "local", local: { path } },
      yaml: `{backend: local, local: {path: "${path}"}, blocklist_poll: 1s}`,
      [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
    });
  },
  "S3": async () => {
    const server = await startVersitygw();
    Deno.mkdirSync(`${server.dir}/traces`);
    const { accessKeyId, secretAccessKey } = S3_KEYS;
    return {
      store: s3Config(server, "traces", {
        prefix: "",
        partBytes: 8 << 20,
        retry: { attemptsMax: 5, backoff: { minMs: 20, maxMs: 200 } },
        hedge: { atMs: 0, upTo: 2 },
        timeoutMs: 10_000,
      }),
      yaml: `
    backend: s3
    blocklist_poll: 1s
    s3: {bucket: traces, endpoint: "${server.address}", region: us-east-1, insecure: true, forcepathstyle: true, access_key: ${accessKeyId}, secret_key: ${secretAccessKey}}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

const schedulerYaml = `
multitenancy_enabled: true
backend_scheduler:
  maintenance_interval: 300ms
  job_timeout: 2s
  backend_flush_interval: 1s
  provider:
    retention: {interval: 1s}
    compaction: {min_cycle_interval: 300ms, measure_interval: 1s}
    redaction: {rescan_delay: 2s, poll_interval: 200ms}
backend_worker:
  backoff: {max_period: 500ms}
  compaction: {block_retention: 0s, compacted_block_retention: 2s}
`;
const SEGNO = "  leftover_grace: 6s\n  job_lease: 3s\n  workers: 1";

for (const [name, openBucket] of Object.entries(buckets)) {
  Deno.test({
    name: `killed schedulers and workers on ${name}: every trace once, nothing left, receipts`,
    async fn() {
      const bucket = await bucketOrNone(name, openBucket);
      if (bucket === undefined) return;
      await using _ = bucket;
      const seed = Number(Deno.env.get("SEED") ?? Date.now() % 1e9);
      console.log(`SEED=${seed}`);
      await run(bucket, seed);
    },
  });
}

async function bucketOrNone(
  name: string,
  open: () => Promise<Bucket>,
): Promise<Bucket | undefined> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof NoServerError) || Deno.env.get("CI") === "true") throw error;
    console.log(`${name} is skipped: ${error.message}`);
  }
}

async function run(bucket: Bucket, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const store = await openStore(bucket.store, createRuntime());
  const sent = new Map<string, Map<string, number>>();
  for (const [i, tenant] of TENANTS.entries()) sent.set(tenant, await putBlocks(store, tenant, i));
  const dirs = Array.from({ length: 4 }, () => {
    return Deno.makeTempDirSync({ prefix: "segno-scheduler-" });
  });
  const ports = dirs.map(() => freePorts());
  const start = (process: number, target: string, more = "") =>
    startOne(dirs[process]!, ports[process]!, target, bucket.yaml, more);
  const running: (ServerProcess | undefined)[] = [];
  const addr = `  backend_scheduler_addr: "127.0.0.1:${ports[0]!.grpc}"`;
  const targets = ["backend-scheduler", "backend-worker", "backend-worker"];
  try {
    for (const [i, target] of targets.entries()) running[i] = await start(i, target, addr);
    // As before the update: one that looks after blocks by itself, with a journal of its own.
    running[3] = await start(3, "all");
    for (let kill = 0; kill < 9; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 150 + 700 * random.next()));
      const which = kill % 3;
      await running[which]!.kill();
      running[which] = await start(which, targets[which]!, addr);
      if (kill === 4) {
        await running[3]!.kill();
        running[3] = undefined;
      }
    }
    for (const tenant of TENANTS) {
      await eventually(
        async () => (await blocksOf(store, tenant)).length,
        (count) => count === 1,
        240_000,
      );
      await assertOnce(store, tenant, sent.get(tenant)!);
    }
    await redact(running[0]!, store, sent.get("acme")!);
    await assertOnce(store, "other", sent.get("other")!);
    const left = await eventually(() => leftovers(store), (keys) => keys.length === 0, 240_000);
    assert.deepEqual(left, [], "objects that no visible block owns");
    const page = await text(`${running[0]!.url}/status/backendscheduler`);
    assert.match(page, /^GET \/status\/backendscheduler\ntenants\n\+/);
    assert.match(page, /compaction \| succeeded/);
    const merged = await Promise.all(
      [1, 2].map((i) => metric(running[i]!.url, "tempodb_compaction_blocks_total")),
    );
    console.log(`merged in the workers' last lives: ${merged}`);
    assert.equal(await running[1]!.stop(), 0);
    assert.equal(await running[0]!.stop(), 0);
  } finally {
    for (const process of running) await process?.[Symbol.asyncDispose]();
    for (const dir of dirs) Deno.removeSync(dir, { recursive: true });
  }
}

async function startOne(
  dir: string,
  ports: ServerPorts,
  target: string,
  storageYaml: string,
  workerYaml: string,
): Promise<ServerProcess> {
  const config = schedulerYaml.replace(
    "backend_worker:\n",
    `backend_worker:\n${workerYaml === "" ? "" : workerYaml + "\n"}`,
  ) + `storage:\n  trace: ${storageYaml}\n`;
  return await ServerProcess.start({
    dir,
    ports,
    segno: SEGNO,
    config,
    args: [`-target=${target}`],
  });
}

/** Traces that lie in several blocks each, a tenth of their spans twice; spans by trace id. */
async function putBlocks(
  store: ObjectStore,
  tenant: string,
  seed: number,
): Promise<Map<string, number>> {
  const messages = realisticTraces(BLOCKS * SPANS_PER_BLOCK / 2, seed + 1);
  const columns = Array.from({ length: BLOCKS }, () => new SpanColumns(defaultDedicated));
  const decoders = columns.map((columns) => new OtlpDecoder(columns));
  messages.forEach((message, i) => {
    decoders[i % BLOCKS]!.decode(message);
    decoders[(i + 1) % BLOCKS]!.decode(message);
  });
  const endMs = Date.now() - 5 * 3_600_000;
  for (const [i, spans] of columns.entries()) {
    await writeBlock(
      store,
      {
        tenant,
        blockId: `00000000-0000-4000-8000-${String(seed * 100 + i).padStart(12, "0")}`,
        columns: spans,
        codec: "zstd",
        clampStartMs: endMs - 1000,
        clampEndMs: endMs,
        replicationFactor: 1,
        hasNoCompactFlag: false,
      },
      () => Promise.resolve(),
      NEVER,
    );
  }
  const counts = new Map<string, number>();
  const all = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(all);
  for (const message of messages) decoder.decode(message);
  for (let row = 0; row < all.length; row++) {
    const id = all.traces.id(all.trace[row]!).toHex();
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

async function listOf(store: ObjectStore): Promise<BlockList> {
  const list = new BlockList(createRuntime(), store, { readsMax: 8 });
  await list.poll();
  return list;
}

async function blocksOf(store: ObjectStore, tenant: string): Promise<readonly BlockMeta[]> {
  return (await listOf(store)).blocks(tenant);
}

/** Every span of every trace in the visible blocks, once. */
async function assertOnce(
  store: ObjectStore,
  tenant: string,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  const cache = new BlockCache(64 << 20);
  const blocks = await Promise.all(
    (await blocksOf(store, tenant)).map((meta) => openBlock(store, meta, cache)),
  );
  const plan = compile({
    kind: "search",
    tenant,
    query: "{ }",
    limit: 2 ** 31 - 1,
    spansPerSpanSet: 1,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
  });
  const found = new Map<string, number>();
  let rows = 0;
  for (const block of blocks) {
    for (const { index, spans } of block.rowGroups) {
      rows += spans;
      for (const trace of (await execute(plan, block.view(index), NEVER)).traces) {
        const matched = trace.spanSets.reduce((sum, { matched }) => sum + matched, 0);
        found.set(trace.traceId, (found.get(trace.traceId) ?? 0) + matched);
      }
    }
  }
  assert.deepEqual([...found].sort(), [...counts].sort(), `spans by trace of ${tenant}`);
  const wanted = [...counts.values()].reduce((sum, spans) => sum + spans, 0);
  assert.equal(rows, wanted, "no span is stored twice");
}

async function redact(
  scheduler: ServerProcess,
  store: ObjectStore,
  counts: Map<string, number>,
): Promise<void> {
  const [gone] = [...counts.keys()];
  const headers = { "X-Scope-OrgID": "acme", "content-type": "application/json" };
  const url = `${scheduler.url}/backend-scheduler/redactions`;
  const asked = await fetch(url, {
    method: "POST",
    headers,
    body: JSON.stringify({ traceIds: [gone], requestedBy: "tests" }),
  });
  assert.equal(asked.status, 202);
  const { batchId } = await asked.json();
  const told = await eventually(
    async () => await (await fetch(`${url}/${batchId}`, { headers })).json(),
    ({ batch }) => batch?.state === "done",
    240_000, // merging has the lowest priority, and the machine may be busy
  );
  assert.equal(told.batch.state, "done");
  assert.deepEqual(
    told.receipts.map(({ state, traceIds, spans }: Record<string, unknown>) => [
      ...[state, traceIds, spans],
    ]),
    [["removed", [gone], counts.get(gone!)]],
  );
  const others = { "X-Scope-OrgID": "other" };
  assert.equal((await text(`${url}/${batchId}`, others)).includes("no redaction"), true);
  counts.delete(gone!);
  await assertOnce(store, "acme", counts);
}

/** Objects of no visible block: compacted, unfinished. The scheduler's own and receipts are none. */
async function leftovers(store: ObjectStore): Promise<string[]> {
  const list = await listOf(store);
  const visible = new Set(
    TENANTS.flatMap((tenant) => list.blocks(tenant).map(({ blockID }) => `${tenant}/${blockID}`)),
  );
  const { objects } = await store.list("");
  return objects.map(({ key }) => key).filter((key) => {
    const [tenant, folder, name] = key.split("/");
    if (name === undefined || folder === "redactions") return false;
    return !visible.has(`${tenant}/${folder}`);
  });
}

async function text(url: string, headers: Record<string, string> = {}): Promise<string> {
  return await (await fetch(url, { headers })).text();
}
