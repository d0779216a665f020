// deno-lint-ignore-file house/no-ambient-world
// Caches behind those of a thread, on a real memcached and a real Redis: shared by threads and processes,
// and, whatever becomes of them, never a reason why a question fails or is answered differently.
// A server that cannot be had skips its tests with the reason; where CI is set that is a failure.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:net";

import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import {
  CACHE_ROLES,
  type CachesConfig,
  openCaches,
  type RoleCaches,
  type SecondTierConfig,
} from "../../storage/mod.ts";
import { keyOf } from "../../storage/cache/key.ts";
import { type BucketServer, NoServerError } from "../support/bucket_servers.ts";
import { startMemcached, startRedis } from "../support/cache_servers.ts";
import { findTrace, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";

interface Kind {
  readonly name: "memcached" | "redis";
  readonly start: () => Promise<BucketServer>;
  readonly tier: (server: BucketServer) => SecondTierConfig;
  /** Of `cache.caches[0]`. */
  readonly keys: (server: BucketServer) => Record<string, unknown>;
  readonly metric: string;
  /** Puts bytes there behind everybody's back. */
  readonly overwrite: (server: BucketServer, key: string, text: string) => Promise<void>;
}

const OPTIONS = {
  name: "c",
  timeoutMs: 300,
  breaker: { failuresMax: 3, openMs: 500 },
  valueBytesMax: 1_000_000,
  writersMax: 4,
  queuedMax: 1_000,
};

const KINDS: readonly Kind[] = [
  {
    name: "memcached",
    start: startMemcached,
    tier: ({ address }) => ({
      kind: "memcached",
      roles: CACHE_ROLES,
      memcached: { addresses: [address], timeoutMs: 300, updateEveryMs: 60_000, ttlMs: 60_000 },
      options: OPTIONS,
    }),
    keys: ({ address }) => ({ memcached: { addresses: address, timeout: "300ms", ttl: "1h" } }),
    metric: "tempo_memcache_request_duration_seconds",
    overwrite: (server, key, text) =>
      spoken(server, `set ${key} 0 0 ${text.length}\r\n${text}\r\n`, /STORED/),
  },
  {
    name: "redis",
    start: startRedis,
    tier: ({ address }) => ({
      kind: "redis",
      roles: CACHE_ROLES,
      redis: {
        endpoints: [{ host: "127.0.0.1", port: Number(address.split(":")[1]) }],
        masterName: "",
        username: "",
        password: "",
        db: 0,
        timeoutMs: 300,
        expirationMs: 60_000,
        tls: undefined,
      },
      options: OPTIONS,
    }),
    keys: ({ address }) => ({ redis: { endpoint: address, timeout: "300ms", expiration: "1h" } }),
    metric: "tempo_rediscache_request_duration_seconds",
    overwrite: (server, key, text) => spoken(server, `SET ${key} ${text}\r\n`, /OK/),
  },
];

const LOOSE = { sanitizeOps: false, sanitizeResources: false };
const servers: BucketServer[] = [];

for (const kind of KINDS) await withServer(kind);

Deno.test.afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

async function withServer(kind: Kind): Promise<void> {
  let server: BucketServer;
  try {
    server = await kind.start();
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    Deno.test({
      name: `${kind.name} (skipped: ${error.message})`,
      ignore: Deno.env.get("CI") !== "true",
      fn: () => {
        throw error;
      },
    });
    return;
  }
  servers.push(server);
  testKind(kind, server);
  testProcess(kind, server);
}

interface Thread {
  readonly runtime: Runtime;
  readonly caches: RoleCaches;
}

function testKind(kind: Kind, server: BucketServer): void {
  let tests = 0;
  const test = (
    sentence: string,
    use: (open: () => Promise<Thread>, prefix: string) => Promise<void>,
  ) =>
    Deno.test({
      name: `${kind.name} ${sentence}`,
      ...LOOSE,
      fn: async () => {
        using stack = new DisposableStack();
        const open = async () => {
          const runtime = createRuntime();
          const config: CachesConfig = {
            bytesMax: Object.fromEntries(
              CACHE_ROLES.map((role) => [role, 10_000_000]),
            ) as CachesConfig["bytesMax"],
            secondTiers: [kind.tier(server)],
            bloomLevelMin: 0,
            bloomAgeMaxMs: 0,
          };
          const caches = stack.use(await openCaches(runtime, config));
          return { runtime, caches };
        };
        await use(open, `tenant é/${tests++}/`);
      },
    });

  test("gives every thread what one has loaded, bytes as they were", async (open, prefix) => {
    const pages = Array.from({ length: 200 }, (_, i) => someBytes(100 + i * 300, i));
    const { caches, runtime } = await open();
    const first = caches.of("parquet-page");
    await Promise.all(pages.map((page, i) => {
      return first.through(`${prefix}${i}`, () => Promise.resolve(page));
    }));
    await eventually(async () => {
      const other = (await open()).caches.of("parquet-page");
      const found = await Promise.all(pages.map((_, i) => other.get(`${prefix}${i}`)));
      found.forEach((page, i) => {
        // A deep comparison that fails takes longer than servers are waited for.
        assert(page !== undefined && Buffer.compare(page, pages[i]!) === 0, `page ${i}`);
      });
    }, async () => await runtime.metrics.text());
  });

  test("is not believed when it gives garbage", async (open, prefix) => {
    const name = `${prefix}bloom-0`;
    await kind.overwrite(server, keyOf("bloom", name), "garbage".repeat(10));
    const { caches, runtime } = await open();
    const loaded = await caches.of("bloom").through(name, () => Promise.resolve(someBytes(9, 1)));
    assert.deepEqual(loaded, someBytes(9, 1));
    assert.match(await runtime.metrics.text(), /segno_cache_damaged_values_total\{.*\} 1\n/);
  });

  test("holds nobody up when it hangs, and is used again when it goes on", async (open, prefix) => {
    const { caches, runtime } = await open();
    const page = caches.of("parquet-page");
    await page.through(`${prefix}warm`, () => Promise.resolve(someBytes(9, 1)));
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.pause();
    try {
      const startedMs = performance.now();
      for (let i = 0; i < 20; i++) {
        const bytes = await page.through(`${prefix}${i}`, () => Promise.resolve(someBytes(9, i)));
        assert.deepEqual(bytes, someBytes(9, i));
      }
      // Three that wait for their time, and then nobody does.
      assert(performance.now() - startedMs < 3_000, `${performance.now() - startedMs} ms`);
      assert.match(await runtime.metrics.text(), /segno_cache_circuit_open\{name="c"\} 1\n/);
    } finally {
      server.goOn();
    }
    await used(open, prefix);
  });

  test("may go away and come back", async (open, prefix) => {
    const { caches } = await open();
    const page = caches.of("parquet-page");
    await page.through(`${prefix}warm`, () => Promise.resolve(someBytes(9, 1)));
    await server.stop();
    for (let i = 0; i < 20; i++) {
      const bytes = await page.through(`${prefix}${i}`, () => Promise.resolve(someBytes(9, i)));
      assert.deepEqual(bytes, someBytes(9, i));
    }
    await server.restart();
    // The same thread, with its connection of before.
    await eventually(async () => {
      const name = `${prefix}${crypto.randomUUID()}`;
      page.put(name, someBytes(9, 5));
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(await (await open()).caches.of("parquet-page").get(name), someBytes(9, 5));
    });
  });

  test("may be full: what it pushes out is loaded again", async (open, prefix) => {
    const { caches } = await open();
    const page = caches.of("parquet-page");
    const size = 500_000;
    for (let i = 0; i < 200; i++) {
      await page.through(`${prefix}${i}`, () => Promise.resolve(someBytes(size, i)));
    }
    const other = (await open()).caches.of("parquet-page");
    for (let i = 0; i < 200; i += 20) {
      const bytes = await other.through(`${prefix}${i}`, () => Promise.resolve(someBytes(size, i)));
      assert.deepEqual(bytes.subarray(0, 100), someBytes(size, i).subarray(0, 100));
    }
  });
}

/** A new thread finds what another has just put there. */
async function used(open: () => Promise<Thread>, prefix: string): Promise<void> {
  await eventually(async () => {
    const name = `${prefix}${crypto.randomUUID()}`;
    const { caches } = await open();
    caches.of("bloom").put(name, someBytes(9, 3));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await (await open()).caches.of("bloom").get(name), someBytes(9, 3));
  });
}

function testProcess(kind: Kind, server: BucketServer): void {
  Deno.test({
    name: `${kind.name} serves the whole process, and its going away is not noticed`,
    ...LOOSE,
    fn: async () => {
      const dir = Deno.makeTempDirSync({ prefix: "segno-caches-" });
      const caches = [{ roles: CACHE_ROLES, ...kind.keys(server) }];
      const config = `cache: ${JSON.stringify({ caches })}`;
      const traceId = "0123456789abcdef0123456789abcdef";
      try {
        {
          await using first = await ServerProcess.start({ dir, config });
          await sendSpan(first.otlpUrl, traceId);
          const flushed = await fetch(`${first.url}/flush`, { method: "POST" });
          assert.equal(flushed.status, 204, await flushed.text());
          assert.equal((await findTrace(first.url, traceId)).length, 1);
          await eventually(async () => {
            const metrics = await (await fetch(`${first.url}/metrics`)).text();
            assert.match(metrics, new RegExp(`${kind.metric}_count\\{method="[^"]*Put|MSet`));
            assert.match(
              metrics,
              /tempodb_cache_requests_total\{role="bloom",outcome="miss"\} [1-9]/,
            );
          });
          assert.equal(await first.stop(), 0, first.lines.join("\n"));
        }
        await using second = await ServerProcess.start({ dir, config });
        assert.equal((await findTrace(second.url, traceId)).length, 1);
        const metrics = await (await fetch(`${second.url}/metrics`)).text();
        // What the process before it had read.
        assert.match(metrics, /tempodb_cache_requests_total\{role="bloom",outcome="hit"\} [1-9]/);
        await server.stop();
        try {
          assert.equal((await findTrace(second.url, traceId)).length, 1);
          const found = await search(second.url, `{ name = "GET /cart" }`);
          assert.deepEqual(found, [{ traceId, matched: 1 }]);
        } finally {
          await server.restart();
        }
        assert.equal(await second.stop(), 0, second.lines.join("\n"));
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });
}

async function sendSpan(otlpUrl: string, traceId: string): Promise<void> {
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const span = {
    traceId,
    spanId: "0123456789abcdef",
    name: "GET /cart",
    startTimeUnixNano: String(nowNs),
    endTimeUnixNano: String(nowNs + 5_000_000n),
  };
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(otlpUrl, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.text());
}

function someBytes(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = Math.imul(i + seed, 2_654_435_761) >>> 24;
  return bytes;
}

const EVENTUALLY_MS = 15_000;

async function eventually(
  holds: () => Promise<void>,
  otherwise: () => Promise<string> = () => Promise.resolve(""),
): Promise<void> {
  const deadlineMs = performance.now() + EVENTUALLY_MS;
  while (true) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > deadlineMs) throw new Error(await otherwise(), { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** One line of a text protocol and its answer, without the client. */
function spoken({ address }: BucketServer, line: string, expected: RegExp): Promise<void> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(line));
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      if (expected.test(String(data))) resolve();
      else reject(new Error(String(data)));
    });
  });
}
