// The caches of the query path: how the memory for them is shared out among roles, and which memcached
// or Redis is asked behind them. Rule: what this version cannot do is refused by the key's name.
import { InputError } from "../lib/errors.ts";
import type { BytesByRole, CachesConfig, SecondTierConfig } from "../storage/mod.ts";
import type { Config } from "./config/mod.ts";

type Keys = Config["cache"]["caches"][number];

/** Of the memory for caches, at most; what they leave is for what is decoded. */
const SHARES: BytesByRole = {
  "bloom": 0.20,
  "trace-id-index": 0.02,
  "parquet-footer": 0.02,
  "parquet-column-idx": 0.01,
  "parquet-offset-idx": 0.03,
  "parquet-page": 0.15,
  "frontend-search": 0.05,
};

/** Files on a local disk are kept by the operating system; a bloom is too many of them to read each time. */
const LOCAL_SHARES: BytesByRole = {
  ...SHARES,
  "bloom": 0.10,
  "trace-id-index": 0,
  "parquet-footer": 0,
  "parquet-column-idx": 0,
  "parquet-offset-idx": 0,
  "parquet-page": 0,
};

/** A key and what memcached keeps beside a value come on top of it. */
const VALUE_BYTES_MAX = (1 << 20) - 1024;
const REDIS_VALUE_BYTES_MAX = 16 << 20;
/** Redis has no keys for it. */
const REDIS_BREAKER = { failuresMax: 10, openMs: 10_000 } as const;

/** `bytesMax`: of all caches together, decoded or not. */
export function cachesConfig(config: Config, bytesMax: number): CachesConfig {
  const { trace } = config.storage;
  const shares = trace.backend === "local" ? LOCAL_SHARES : SHARES;
  const byRole = Object.fromEntries(
    Object.entries(shares).map(([role, share]) => [role, Math.floor(bytesMax * share)]),
  );
  return {
    bytesMax: byRole as Record<keyof BytesByRole, number>,
    secondTiers: config.cache.caches.map((one, index) => secondTier(config, one, index)),
    bloomLevelMin: trace.cache_min_compaction_level,
    bloomAgeMaxMs: trace.cache_max_block_age,
  };
}

function secondTier(config: Config, keys: Keys, index: number): SecondTierConfig {
  const { writeback_goroutines, writeback_buffer } = config.cache.background;
  const roles = keys.roles.filter((role) => role !== "none");
  const background = {
    writersMax: Math.max(1, writeback_goroutines),
    queuedMax: writeback_buffer,
  };
  const path = `cache.caches[${index}]`;
  const named = (kind: string) => `${kind}[${index}] ${roles.join(",")}`;
  if (keys.memcached !== undefined) {
    const own = keys.memcached;
    const failuresMax = own.circuit_breaker_consecutive_failures;
    if (own.tls_enabled) refuse(`${path}.memcached.tls_enabled`, "the client has no TLS");
    return {
      kind: "memcached",
      roles,
      memcached: {
        addresses: memcachedAddresses(own, `${path}.memcached`),
        timeoutMs: own.timeout,
        updateEveryMs: own.update_interval,
        ttlMs: own.ttl || own.expiration,
      },
      options: {
        name: named("memcached"),
        timeoutMs: own.timeout,
        breaker: { failuresMax, openMs: own.circuit_breaker_timeout },
        valueBytesMax: own.max_item_size || VALUE_BYTES_MAX,
        ...background,
      },
    };
  }
  const own = keys.redis!;
  return {
    kind: "redis",
    roles,
    redis: {
      endpoints: endpoints(own.endpoint, `${path}.redis.endpoint`),
      masterName: own.master_name,
      username: own.username,
      password: own.password,
      db: own.db,
      timeoutMs: own.timeout,
      expirationMs: own.ttl || own.expiration,
      tls: own.tls_enabled ? { isUnverified: own.tls_insecure_skip_verify } : undefined,
    },
    options: {
      name: named("redis"),
      timeoutMs: own.timeout,
      breaker: REDIS_BREAKER,
      valueBytesMax: REDIS_VALUE_BYTES_MAX,
      ...background,
    },
  };
}

/** `addresses` are looked up as they say; `host` is asked for its service. */
function memcachedAddresses(
  { addresses, host, service }: NonNullable<Keys["memcached"]>,
  path: string,
): string[] {
  const named = addresses.split(",").map((one) => one.trim()).filter((one) => one !== "");
  if (named.length > 0) {
    for (const one of named) {
      if (one.startsWith("dnssrv")) continue;
      if (!/^(dns\+)?.+:\d+$/.test(one)) refuse(`${path}.addresses`, `${one} has no port`);
    }
    return named;
  }
  if (host === "") refuse(`${path}.addresses`, "is empty, and so is host");
  return [`dnssrv+_${service}._tcp.${host}`];
}

function endpoints(text: string, path: string): { host: string; port: number }[] {
  const named = text.split(",").map((one) => one.trim()).filter((one) => one !== "");
  if (named.length === 0) refuse(path, "is empty");
  return named.map((one) => {
    const parts = /^\[?([^\]]+?)\]?:(\d+)$/.exec(one);
    if (parts === null) refuse(path, `expected host:port, not ${one}`);
    return { host: parts[1]!, port: Number(parts[2]) };
  });
}

function refuse(key: string, reason: string): never {
  throw new InputError("failed_precondition", `${key}: ${reason}`);
}
