// Memcached servers as a cache elsewhere, through memjs (its home): the one client that gives values
// back as bytes (docs/adr/0008-caches.md). One connection for each server.
// Rule: which server has a key follows from the key and the addresses alone, and a server that comes or
// goes moves only its own share of keys (rendezvous hashing).
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { lookup, resolveSrv } from "node:dns/promises";

import type { Runtime } from "../../lib/runtime.ts";
import type { CacheClient } from "./second_tier.ts";
import { type Resolver, ServerAddresses } from "./server_addresses.ts";

export interface MemcachedOptions {
  /** `host:port`, or names to look up. */
  readonly addresses: readonly string[];
  readonly timeoutMs: number;
  readonly updateEveryMs: number;
  /** Of what is put there; 0: until it is pushed out. */
  readonly ttlMs: number;
}

/** What is used of memjs, which has no types. */
interface MemjsClient {
  get(key: string): Promise<{ readonly value: Uint8Array | null }>;
  set(key: string, value: Uint8Array, options: { readonly expires: number }): Promise<boolean>;
  close(): void;
}

export async function openMemcached(
  runtime: Runtime,
  options: MemcachedOptions,
): Promise<CacheClient> {
  const { default: { Client } } = await import("memjs");
  const { addresses, updateEveryMs } = options;
  const servers = await ServerAddresses.open(runtime.clock, RESOLVER, addresses, updateEveryMs, (
    name,
    error,
  ) => runtime.log.warn("servers of a cache cannot be looked up", { name, error: String(error) }));
  return new MemcachedClient(servers, options, (address) =>
    Client.create(address, {
      // The tier's own limit comes first; this one gives the connection up.
      timeout: options.timeoutMs * 2 / 1000,
      retries: 1,
      failover: false,
      logger: { log: () => {} },
      username: "",
      password: "",
    }));
}

const RESOLVER: Resolver = {
  addresses: async (host) => {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  },
  services: async (name) => {
    return (await resolveSrv(name)).map(({ name, port }) => ({ host: name, port }));
  },
};

/** In memcached seconds up to this are a time from now, more are a date. */
const RELATIVE_SECONDS_MAX = 30 * 24 * 3600;

class MemcachedClient implements CacheClient {
  readonly kind = "memcache";
  readonly getMethod = "Memcache.GetMulti";
  readonly setMethod = "Memcache.Put";
  readonly #clients = new Map<string, MemjsClient>();

  constructor(
    readonly servers: ServerAddresses,
    readonly options: MemcachedOptions,
    readonly connect: (address: string) => MemjsClient,
  ) {}

  async getMany(
    keys: readonly string[],
    found: (index: number, value: Uint8Array) => void,
  ): Promise<void> {
    await Promise.all(keys.map(async (key, index) => {
      const { value } = await this.#clientOf(key).get(key);
      if (value !== null) found(index, value);
    }));
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    const seconds = Math.ceil(this.options.ttlMs / 1000);
    const expires = Math.min(seconds, RELATIVE_SECONDS_MAX);
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const isKept = await this.#clientOf(key).set(key, bytes, { expires });
    if (!isKept) throw new Error("not stored");
  }

  close(): void {
    this.servers[Symbol.dispose]();
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientOf(key: string): MemjsClient {
    const address = chosen(key, this.servers.current);
    if (address === undefined) throw new Error("no server has an address");
    let client = this.#clients.get(address);
    if (client === undefined) this.#clients.set(address, client = this.connect(address));
    for (const known of this.#clients.keys()) {
      if (this.servers.current.includes(known)) continue;
      this.#clients.get(known)!.close();
      this.#clients.delete(known);
    }
    return client;
  }
}

/** The server whose name and the key have the highest sum. */
export function chosen(key: string, servers: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestWeight = -1;
  for (const server of servers) {
    const weight = mixed(crc32(server, crc32(key)));
    if (weight > bestWeight) [best, bestWeight] = [server, weight];
  }
  return best;
}

/** Sums of names that differ in a digit differ in few bits: this spreads them (murmur3's finish). */
function mixed(sum: number): number {
  sum = Math.imul(sum ^ sum >>> 16, 0x85ebca6b);
  sum = Math.imul(sum ^ sum >>> 13, 0xc2b2ae35);
  return (sum ^ sum >>> 16) >>> 0;
}
