// What is kept of one role: in this thread, and in a second tier where one is configured for the role.
// Rule: what is wanted twice at the same time is loaded once; a load has no signal for that reason.
// The names never mean two things (blocks do not change), so nothing is ever stale.
import type { Counter, Gauge, Metrics } from "../../lib/metrics.ts";
import { ByteLru } from "./byte_lru.ts";
import type { CacheRole } from "./roles.ts";
import type { SecondTier } from "./second_tier.ts";
import { keyOf } from "./key.ts";

export class RoleCache {
  readonly #kept: ByteLru;
  readonly #loading = new Map<string, Promise<Uint8Array>>();
  readonly #counts: CacheCounts;

  constructor(
    metrics: Metrics,
    readonly role: CacheRole,
    bytesMax: number,
    readonly second: SecondTier | undefined,
  ) {
    this.#kept = new ByteLru(bytesMax);
    this.#counts = new CacheCounts(metrics, role);
  }

  /** What is kept under the name, or what `load` gives, which then is kept: elsewhere if `isShared`. */
  through(name: string, load: () => Promise<Uint8Array>, isShared = true): Promise<Uint8Array> {
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      this.#counts.hit(kept.length);
      return Promise.resolve(kept);
    }
    const running = this.#loading.get(name);
    if (running !== undefined) return running;
    const loading = this.#load(name, load, isShared).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const bytes = this.#kept.get(name) ?? await this.#fromSecond(name);
    if (bytes === undefined) this.#counts.miss();
    else this.#counts.hit(bytes.length);
    return bytes;
  }

  put(name: string, bytes: Uint8Array, isShared = true): void {
    this.#keep(name, bytes);
    this.#counts.loaded(bytes.length);
    if (isShared) this.second?.put(keyOf(this.role, name), bytes);
  }

  async #load(
    name: string,
    load: () => Promise<Uint8Array>,
    isShared: boolean,
  ): Promise<Uint8Array> {
    const elsewhere = await this.#fromSecond(name);
    if (elsewhere !== undefined) {
      this.#counts.hit(elsewhere.length);
      return elsewhere;
    }
    this.#counts.miss();
    const bytes = await load();
    this.put(name, bytes, isShared);
    return bytes;
  }

  async #fromSecond(name: string): Promise<Uint8Array | undefined> {
    const bytes = await this.second?.get(keyOf(this.role, name));
    if (bytes !== undefined) this.#keep(name, bytes);
    return bytes;
  }

  #keep(name: string, bytes: Uint8Array): void {
    this.#kept.put(name, bytes);
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
