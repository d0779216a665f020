// The caches of one thread, as the configuration wants them. What lies in memory is this thread's own;
// what lies elsewhere is shared by all threads and processes that name the same servers.
// A client's library is loaded when a cache of its kind is configured, never before.
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { MemcachedOptions } from "./memcached.ts";
import type { RedisOptions } from "./redis.ts";
import { BYTES, type CacheCodec, RoleCache } from "./role_cache.ts";
import { type BytesByRole, CACHE_ROLES, type CacheRole } from "./roles.ts";
import { type CacheClient, SecondTier, type SecondTierOptions } from "./second_tier.ts";

/** Plain data: it crosses to workers. */
export interface CachesConfig {
  /** In the memory of one thread. */
  readonly bytesMax: BytesByRole;
  readonly secondTiers: readonly SecondTierConfig[];
  /** Which blooms are worth a place elsewhere. */
  readonly bloomLevelMin: number;
  /** 0: any. */
  readonly bloomAgeMaxMs: number;
}

export type SecondTierConfig =
  & { readonly roles: readonly CacheRole[]; readonly options: SecondTierOptions }
  & (
    | { readonly kind: "memcached"; readonly memcached: MemcachedOptions }
    | { readonly kind: "redis"; readonly redis: RedisOptions }
  );

/** Blocks that were found damaged, so many of them; more are not remembered. */
const DISTRUSTED_MAX = 10_000;

export class RoleCaches implements Disposable {
  readonly #roles: ReadonlyMap<CacheRole, RoleCache>;
  readonly #all: { readonly sizeBytes: number }[] = [];
  readonly #distrusted = new Set<string>();

  constructor(
    readonly runtime: Runtime,
    readonly config: CachesConfig,
    readonly tiers: ReadonlyMap<CacheRole, SecondTier>,
  ) {
    this.#roles = new Map(CACHE_ROLES.map((role) => [role, this.withCodec(role, BYTES)]));
  }

  /** Of all that is in memory. */
  get sizeBytes(): number {
    return this.#all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  of(role: CacheRole): RoleCache {
    return this.#roles.get(role)!;
  }

  /** For a role whose values are no bytes; whoever asks is the only one who uses it. */
  withCodec<V>(role: CacheRole, codec: CacheCodec<V>): RoleCache<V> {
    const { runtime, config, tiers } = this;
    const bytesMax = config.bytesMax[role];
    const cache = new RoleCache(runtime.metrics, role, bytesMax, tiers.get(role), codec);
    this.#all.push(cache);
    return cache;
  }

  /**
   * What was read under this name was damaged, on its way or where it lies: from now on this thread asks
   * the store each time, so that damage which was on the way alone does not last.
   */
  distrust(name: string): void {
    if (this.#distrusted.size < DISTRUSTED_MAX) this.#distrusted.add(name);
  }

  isDistrusted(name: string): boolean {
    return this.#distrusted.has(name);
  }

  /** Small blocks are soon merged and old ones seldom asked: their blooms only push out others. */
  isBloomShared({ compactionLevel, startTime }: BlockMeta): boolean {
    const { bloomLevelMin, bloomAgeMaxMs } = this.config;
    const ageMs = this.runtime.clock.now() - Date.parse(startTime);
    return compactionLevel >= bloomLevelMin && (bloomAgeMaxMs === 0 || ageMs <= bloomAgeMaxMs);
  }

  [Symbol.dispose](): void {
    for (const tier of new Set(this.tiers.values())) tier[Symbol.dispose]();
  }
}

export async function openCaches(runtime: Runtime, config: CachesConfig): Promise<RoleCaches> {
  const tiers = new Map<CacheRole, SecondTier>();
  for (const tier of config.secondTiers) {
    const opened = new SecondTier(runtime, await openClient(runtime, tier), tier.options);
    for (const role of tier.roles) tiers.set(role, opened);
  }
  return new RoleCaches(runtime, config, tiers);
}

async function openClient(runtime: Runtime, tier: SecondTierConfig): Promise<CacheClient> {
  if (tier.kind === "memcached") {
    const { openMemcached } = await import("./memcached.ts");
    return await openMemcached(runtime, tier.memcached);
  }
  const { openRedis } = await import("./redis.ts");
  return await openRedis(tier.redis);
}
