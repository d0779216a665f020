// `cache`: which part of blocks is kept elsewhere too, by memcached or Redis.
import { z } from "zod";

import { CACHE_ROLES } from "../../../storage/mod.ts";
import { count, duration, flag, secret, section, text, tlsClientKeys } from "../keys.ts";

const memcached = z.strictObject({
  host: text(),
  service: text("memcached"),
  addresses: text(),
  timeout: duration("100ms"),
  max_idle_conns: count(16),
  max_item_size: count(0),
  update_interval: duration("1m"),
  consistent_hash: flag(true),
  expiration: duration("0s"),
  ttl: duration("0s"),
  batch_size: count(0),
  parallelism: count(0),
  circuit_breaker_consecutive_failures: count(10),
  circuit_breaker_timeout: duration("10s"),
  circuit_breaker_interval: duration("10s"),
  ...tlsClientKeys,
});

const redis = z.strictObject({
  endpoint: text(),
  master_name: text(),
  timeout: duration("500ms"),
  expiration: duration("0s"),
  ttl: duration("0s"),
  db: count(0),
  pool_size: count(0),
  username: text(),
  password: secret(),
  tls_enabled: flag(),
  tls_insecure_skip_verify: flag(),
  idle_timeout: duration("0s"),
  max_connection_age: duration("0s"),
});

const one = z.strictObject({
  roles: z.array(z.enum([...CACHE_ROLES, "none"])),
  memcached: memcached.optional(),
  redis: redis.optional(),
});

export type CacheKeys = z.output<typeof one>;

/** `caches[1] (redis 10.0.0.7:6379)`, so that people know which of theirs is meant. */
function titleOf({ memcached, redis }: CacheKeys, index: number): string {
  const servers = memcached === undefined
    ? `redis ${redis?.endpoint}`
    : `memcached ${memcached.addresses || memcached.host}`;
  return `caches[${index}] (${servers})`;
}

export const cache = section({
  background: section({ writeback_goroutines: count(10), writeback_buffer: count(10_000) })
    .describe(
      "what is to be kept waits here, and is dropped where there is no room",
    ),
  caches: z.array(one).default([]).superRefine((caches, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    const claimed = new Map<string, string>();
    for (const [index, each] of caches.entries()) {
      if ((each.memcached === undefined) === (each.redis === undefined)) {
        refuse(`caches[${index}] must have one of memcached and redis`);
        continue;
      }
      const title = titleOf(each, index);
      for (const role of each.roles) {
        const other = claimed.get(role);
        if (other !== undefined && role !== "none") {
          refuse(`role ${role} is claimed by ${other} and by ${title}`);
        }
        claimed.set(role, title);
      }
    }
  }).describe(
    "of each: roles, of bloom, trace-id-index, parquet-footer, parquet-column-idx,\n" +
      "parquet-offset-idx, parquet-page and frontend-search, each claimed by one cache only, and\n" +
      "memcached or redis",
  ),
});
