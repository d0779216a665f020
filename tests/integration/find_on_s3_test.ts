// deno-lint-ignore-file no-console house/no-ambient-world
// A trace by its id over a thousand blocks in a bucket, on a real server: what it asks of it, request by
// request. Rules: blooms are asked concurrently and once; a block that has the trace, written as blocks
// in a bucket are by default, is read in two requests and two megabytes; one of large row groups in two
// rounds and as many bytes.
// Figures are printed, and told in docs/perf.md.
import assert from "node:assert/strict";

import { blockOptions } from "../../cmd/block_settings.ts";
import { ConfigSchema } from "../../cmd/config/schema.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { type BlockMeta, dataKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { BlockScanner } from "../../query/querier/block_scanner.ts";
import {
  CACHE_ROLES,
  type CachesConfig,
  MemoryObjectStore,
  openCaches,
  openStore,
  writeBlock,
} from "../../storage/mod.ts";
import type { RemoteObjectStore } from "../../storage/store/remote_store.ts";
import { s3Config } from "../support/bucket_configs.ts";
import { type BucketServer, NoServerError, startVersitygw } from "../support/bucket_servers.ts";
import { realisticTraces } from "../support/realistic.ts";

const SMALL_BLOCKS = 1_000;
/** Of the small ones; the others are the same under other ids. */
const DIFFERENT_BLOCKS = 51;
const SMALL_SPANS = 60;
/** A section of the log, and a merged block; both with the default options. */
const DEFAULT_SPANS = [125_000, 500_000];
const LARGE_GROUP_SPANS = 80_000;
const TENANT = "single-tenant";
const BUCKET = "traces";
const REQUESTS_MAX = 2;
const BYTES_MAX = 2_000_000;
/** A connection of S3's, as seen from its own region. */
const LATENCY_MS = 20;

const REMOTE = {
  prefix: "",
  partBytes: 8 << 20,
  retry: { attemptsMax: 3, backoff: { minMs: 10, maxMs: 50 } },
  hedge: { atMs: 0, upTo: 2 },
  timeoutMs: 10_000,
};
/** As the configuration has them where nothing is said but that blocks are in S3. */
const DEFAULTS = blockOptions(ConfigSchema.parse({ storage: { trace: { backend: "s3" } } }));
const signal = new AbortController().signal;

interface Stored {
  readonly meta: BlockMeta;
  /** Of some trace of it. */
  readonly traceId: Uint8Array;
}

await testIfThereIsAServer();

async function testIfThereIsAServer(): Promise<void> {
  let server: BucketServer;
  try {
    server = await startVersitygw();
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    Deno.test({
      name: `a trace by id on S3 (skipped: ${error.message})`,
      ignore: Deno.env.get("CI") !== "true",
      fn: () => {
        throw error;
      },
    });
    return;
  }
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
  Deno.test({
    name: "a trace by id over a thousand blocks on S3: blooms at once, two rounds, two megabytes",
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => test(server),
  });
}

async function test(server: BucketServer): Promise<void> {
  const small = await written(server, 1, DIFFERENT_BLOCKS, SMALL_SPANS);
  const copies = SMALL_BLOCKS / (DIFFERENT_BLOCKS - 1);
  const others = small.slice(1).flatMap(({ meta }, i) =>
    Array.from({ length: copies }, (_, copy) => copied(server, meta, i * copies + copy))
  );
  const large: Stored[] = [];
  for (const [i, spans] of DEFAULT_SPANS.entries()) {
    large.push(...await written(server, 1 + DIFFERENT_BLOCKS + i, 1, spans));
  }
  const [wide] = await written(server, 100, 1, 160_000, LARGE_GROUP_SPANS);
  const blocks = [...others, ...[small[0]!, ...large, wide!].map(({ meta }) => meta)];

  const cold = await asked(server, blocks, small[0]!);
  const [smallBlock] = cold.matching;
  console.log("small block, cold", cold.figures);
  assert.equal(cold.matching.length, 1);
  assert.equal(cold.blooms, blocks.length, "each bloom once");
  assert(cold.bloomsAtOnce >= 32, `${cold.bloomsAtOnce} blooms at a time`);
  assert(smallBlock!.requests <= REQUESTS_MAX && smallBlock!.bytes <= BYTES_MAX);

  for (const [i, block] of large.entries()) {
    const found = await asked(server, blocks, block);
    console.log(`block of ${DEFAULT_SPANS[i]} spans, cold`, found.figures);
    assert.equal(found.matching.length, 1);
    const [own] = found.matching;
    assert(own!.rounds <= 2, `${own!.rounds} rounds`);
    assert(own!.requests <= REQUESTS_MAX && own!.bytes <= BYTES_MAX, JSON.stringify(own));
  }

  const ofWide = await asked(server, blocks, wide!);
  console.log(`block of row groups of ${LARGE_GROUP_SPANS} spans, cold`, ofWide.figures);
  const [own] = ofWide.matching;
  assert(own!.rounds <= 2 && own!.bytes <= BYTES_MAX, JSON.stringify(own));

  const again = await asked(server, blocks, large[0]!, large[0]!);
  console.log("large block, everything known", again.figures);
  assert.equal(again.blooms, 0, "blooms are kept");
  assert(again.matching.length === 0, "and so is what was read");
}

/** Straight into the server's folder: it is not what is tested. */
async function written(
  server: BucketServer,
  from: number,
  count: number,
  spans: number,
  spansPerRowGroup?: number,
): Promise<Stored[]> {
  const stored: Stored[] = [];
  const columns = new SpanColumns(defaultDedicated);
  for (let block = from; block < from + count; block++) {
    columns.clear();
    const decoder = new OtlpDecoder(columns);
    for (const trace of realisticTraces(spans, block)) decoder.decode(trace);
    const store = new MemoryObjectStore();
    const request = {
      tenant: TENANT,
      blockId: `00000000-0000-4000-8000-${String(block).padStart(12, "0")}`,
      columns,
      ...DEFAULTS,
      ...spansPerRowGroup === undefined ? {} : { spansPerRowGroup },
      clampStartMs: 0,
      clampEndMs: 2 ** 42,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    };
    const meta = await writeBlock(store, request, () => Promise.resolve(), signal);
    for (const [key, bytes] of store.objects) {
      const path = `${server.dir}/${BUCKET}/${key}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      Deno.writeFileSync(path, bytes);
    }
    if (spans > SMALL_SPANS) console.log(`${(meta.size / spans).toFixed(1)} bytes a span`);
    stored.push({ meta, traceId: columns.traces.id(columns.traces.length >> 1).slice() });
  }
  return stored;
}

function copied(server: BucketServer, meta: BlockMeta, copy: number): BlockMeta {
  const blockID = `00000000-0000-4000-9000-${String(copy).padStart(12, "0")}`;
  const folder = (id: string) => `${server.dir}/${BUCKET}/${TENANT}/${id}`;
  Deno.mkdirSync(folder(blockID));
  for (const { name } of Deno.readDirSync(folder(meta.blockID))) {
    Deno.copyFileSync(`${folder(meta.blockID)}/${name}`, `${folder(blockID)}/${name}`);
  }
  return { ...meta, blockID };
}

interface OfBlock {
  requests: number;
  bytes: number;
  /** Calls that waited for the one before. */
  rounds: number;
}

/** What one find asks of the bucket, in a process just started or, if told, after another find. */
async function asked(
  server: BucketServer,
  blocks: readonly BlockMeta[],
  wanted: Stored,
  before?: Stored,
) {
  const runtime = createRuntime();
  const store = await openStore(s3Config(server, BUCKET, REMOTE), runtime) as RemoteObjectStore;
  const caches = await openCaches(runtime, KEEPING);
  const options = { cacheBytesMax: 1 << 28, scansMax: 2, findsMax: 16 };
  const scanner = new BlockScanner(store, options, nextTurn, caches);
  if (before !== undefined) await scanner.find(before.traceId, blocks, signal);

  const ofBlocks = new Map<string, OfBlock>();
  const ofBlock = (key: string) => {
    const known = ofBlocks.get(key) ?? { requests: 0, bytes: 0, rounds: 0 };
    ofBlocks.set(key, known);
    return known;
  };
  let [blooms, bloomsNow, bloomsAtOnce] = [0, 0, 0];
  const get = store.bucket.get.bind(store.bucket);
  store.bucket.get = async (key, range, attempt) => {
    const isBloom = key.includes("/bloom-");
    if (isBloom) {
      blooms++;
      bloomsAtOnce = Math.max(bloomsAtOnce, ++bloomsNow);
    }
    await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    const bytes = await get(key, range, attempt);
    if (isBloom) bloomsNow--;
    else {
      ofBlock(key).requests++;
      ofBlock(key).bytes += bytes.length;
    }
    return bytes;
  };
  const readRanges = store.readRanges.bind(store);
  store.readRanges = (key, ...rest) => {
    ofBlock(key).rounds++;
    return readRanges(key, ...rest);
  };

  const startedMs = performance.now();
  const found = await scanner.find(wanted.traceId, blocks, signal);
  const ms = Math.round(performance.now() - startedMs);
  assert.equal(found.traces.length, 1);
  assert.deepEqual(found.failedBlocks, []);
  store[Symbol.dispose]();
  caches[Symbol.dispose]();
  const own = dataKey(TENANT, wanted.meta.blockID);
  assert([...ofBlocks.keys()].every((key) => key === own), "no other block is opened");
  const matching = [...ofBlocks.values()];
  return { blooms, bloomsAtOnce, matching, figures: { ms, blooms, bloomsAtOnce, ...matching[0] } };
}

const KEEPING: CachesConfig = {
  bytesMax: Object.fromEntries(
    CACHE_ROLES.map((role) => [role, role === "bloom" ? 256 << 20 : 16 << 20]),
  ) as CachesConfig["bytesMax"],
  secondTiers: [],
  bloomLevelMin: 0,
  bloomAgeMaxMs: 0,
};
