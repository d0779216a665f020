// A Redis or Valkey server, a cluster or a set behind sentinels, as a cache elsewhere, through ioredis
// (its home): one connection, on which requests follow each other without waiting.
// Rule: nothing is queued for a server that is not there; it fails at once and is connected again.
import { Buffer } from "node:buffer";
import type { CacheClient } from "./second_tier.ts";

export interface RedisOptions {
  /** One server; several with commas between: a cluster, or sentinels where there is a master's name. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly masterName: string;
  readonly username: string;
  readonly password: string;
  readonly db: number;
  readonly timeoutMs: number;
  /** 0: until it is pushed out. */
  readonly expirationMs: number;
  readonly tls: { readonly isUnverified: boolean } | undefined;
}

/** Few, so that what has come when time is up can be used. */
const KEYS_PER_COMMAND = 8;
const RECONNECT_MS_MAX = 2_000;
const RECONNECT_MS_MIN = 50;

export async function openRedis(options: RedisOptions): Promise<CacheClient> {
  const { Redis, Cluster } = await import("ioredis");
  const { endpoints, masterName, username, password, tls, timeoutMs, db } = options;
  const again = (times: number) => Math.min(RECONNECT_MS_MAX, times * RECONNECT_MS_MIN);
  const shared = {
    ...username === "" ? {} : { username },
    ...password === "" ? {} : { password },
    ...tls === undefined ? {} : { tls: { rejectUnauthorized: !tls.isUnverified } },
    db,
    commandTimeout: timeoutMs * 2, // the tier's own limit comes first
    connectTimeout: Math.max(1_000, timeoutMs),
    enableOfflineQueue: false,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: again,
  };
  const client = masterName !== ""
    ? new Redis({ ...shared, sentinels: [...endpoints], name: masterName })
    : endpoints.length > 1
    ? new Cluster([...endpoints], {
      redisOptions: shared,
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: again,
    })
    : new Redis({ ...shared, ...endpoints[0]! });
  client.on("error", () => {}); // requests fail of it, and are counted
  // So that the first question can use it; where nobody is there it goes on trying.
  await client.connect().catch(() => {});
  const isCluster = client instanceof Cluster;
  return {
    kind: "rediscache",
    getMethod: "RedisCache.MGet",
    setMethod: "RedisCache.MSet",
    getMany: async (keys, found) => {
      // In a cluster the keys lie on several servers.
      const each = isCluster ? 1 : KEYS_PER_COMMAND;
      const starts = Array.from({ length: Math.ceil(keys.length / each) }, (_, i) => i * each);
      await Promise.all(starts.map(async (from) => {
        const some = keys.slice(from, from + each);
        const values = isCluster
          ? [await client.getBuffer(some[0]!)]
          : await client.mgetBuffer(...some);
        values.forEach((value, i) => value !== null && found(from + i, value));
      }));
    },
    set: async (key, value) => {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      const { expirationMs } = options;
      if (expirationMs > 0) await client.set(key, bytes, "PX", expirationMs);
      else await client.set(key, bytes);
    },
    close: () => client.disconnect(),
  };
}
