// What is kept of one role: in this thread, and in a second tier where one is configured for the role.
// Rule: what is wanted twice at the same time is loaded once; a load has no signal for that reason.
// The names never mean two things (blocks do not change), so nothing is ever stale.
import type { Counter, Gauge, Metrics } from "../../lib/metrics.ts";
import { ByteLru, type SizedAs } from "./byte_lru.ts";
import type { CacheRole } from "./roles.ts";
import type { SecondTier } from "./second_tier.ts";
import { keyOf } from "./key.ts";

/** How values lie in memory, and as bytes elsewhere. */
export interface CacheCodec<V> extends SizedAs<V> {
  /** As it is kept: whoever gave it may go on using it. */
  own(value: V): V;
  encode(value: V): Uint8Array;
  /** Undefined for bytes that are none. */
  decode(bytes: Uint8Array): V | undefined;
}

export const BYTES: CacheCodec<Uint8Array> = {
  sizeOf: ({ length }) => length,
  // A part of something larger would keep the whole alive.
  own: (bytes) => bytes.byteLength < bytes.buffer.byteLength ? bytes.slice() : bytes,
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
};

export class RoleCache<V = Uint8Array> {
  readonly #kept: ByteLru<V>;
  readonly #loading = new Map<string, Promise<V>>();
  readonly #counts: CacheCounts;

  constructor(
    metrics: Metrics,
    readonly role: CacheRole,
    bytesMax: number,
    readonly second: SecondTier | undefined,
    readonly codec: CacheCodec<V>,
  ) {
    this.#kept = new ByteLru(bytesMax, codec);
    this.#counts = new CacheCounts(metrics, role);
  }

  /** In memory. */
  get sizeBytes(): number {
    return this.#kept.sizeBytes;
  }

  /** What is kept under the name, or what `load` gives, which then is kept: elsewhere if `isShared`. */
  through(name: string, load: () => Promise<V>, isShared = true): Promise<V> {
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      this.#counts.hit(this.codec.sizeOf(kept));
      return Promise.resolve(kept);
    }
    const running = this.#loading.get(name);
    if (running !== undefined) return running;
    const loading = this.#load(name, load, isShared).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async get(name: string): Promise<V | undefined> {
    const value = this.#kept.get(name) ?? await this.#fromSecond(name);
    if (value === undefined) this.#counts.miss();
    else this.#counts.hit(this.codec.sizeOf(value));
    return value;
  }

  put(name: string, value: V, isShared = true): void {
    this.#keep(name, value);
    this.#counts.loaded(this.codec.sizeOf(value));
    if (isShared) this.second?.put(keyOf(this.role, name), this.codec.encode(value));
  }

  async #load(name: string, load: () => Promise<V>, isShared: boolean): Promise<V> {
    const elsewhere = await this.#fromSecond(name);
    if (elsewhere !== undefined) {
      this.#counts.hit(this.codec.sizeOf(elsewhere));
      return elsewhere;
    }
    this.#counts.miss();
    const value = await load();
    this.put(name, value, isShared);
    return value;
  }

  async #fromSecond(name: string): Promise<V | undefined> {
    const bytes = await this.second?.get(keyOf(this.role, name));
    const value = bytes && this.codec.decode(bytes);
    if (value !== undefined) this.#keep(name, value);
    return value;
  }

  #keep(name: string, value: V): void {
    this.#kept.put(name, this.codec.own(value));
    this.#counts.size(this.#kept.sizeBytes);
  }
}

class CacheCounts {
  readonly #hits: Counter.Internal;
  readonly #misses: Counter.Internal;
  readonly #hitBytes: Counter.Internal;
  readonly #loadedBytes: Counter.Internal;
  readonly #size: Gauge.Internal<"role">;

  constructor(metrics: Metrics, role: CacheRole) {
    const labels: ("role" | "outcome")[] = ["role", "outcome"];
    const requests = metrics.counter(
      "tempodb_cache_requests_total",
      "What was looked for in the caches, both tiers of a role as one",
      labels,
    );
    const bytes = metrics.counter(
      "tempodb_cache_request_bytes_total",
      "Bytes that caches gave (hit), and that had to be loaded (miss)",
      labels,
    );
    this.#hits = requests.labels(role, "hit");
    this.#misses = requests.labels(role, "miss");
    this.#hitBytes = bytes.labels(role, "hit");
    this.#loadedBytes = bytes.labels(role, "miss");
    this.#size = metrics.gauge(
      "tempodb_cache_store_size_bytes",
      "Bytes kept in memory",
      ["role"],
    ).labels(role);
  }

  hit(sizeBytes: number): void {
    this.#hits.inc();
    this.#hitBytes.inc(sizeBytes);
  }

  miss(): void {
    this.#misses.inc();
  }

  loaded(sizeBytes: number): void {
    this.#loadedBytes.inc(sizeBytes);
  }

  size(sizeBytes: number): void {
    this.#size.set(sizeBytes);
  }
}
