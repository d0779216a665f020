// An object store as one life of a process reaches it: the bucket over the network, or the folder of a live-store.
// Rule: a write that is answered is there; one that is not may be. While the store is away nothing is answered.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import {
  type ByteRange,
  type Listing,
  MemoryObjectStore,
  type ObjectStore,
  type ObjectWriter,
  type WriteOptions,
} from "../../storage/mod.ts";
import type { Network } from "./cluster_network.ts";
import type { Place } from "./cluster_place.ts";

/** The name of the bucket in the network. */
export const BUCKET = "bucket";
const NEVER = new AbortController().signal;
const PATIENCE_MS = 3_000;

/** What holds the objects, and survives processes. */
export class SimulatedStore {
  readonly objects = new MemoryObjectStore();
  /** Of operations. */
  failures = 0;
  #awayUntilMs = 0;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly network: Network | undefined,
  ) {}

  leave(awayMs: number): void {
    this.#awayUntilMs = this.clock.monotonic() + awayMs;
  }

  heal(): void {
    this.#awayUntilMs = 0;
    this.failures = 0;
  }

  isAway(from: string): boolean {
    return this.clock.monotonic() < this.#awayUntilMs ||
      this.network?.reaches(from, BUCKET) === false;
  }

  port(place: Place): StorePort {
    return new StorePort(this, place);
  }
}

export class StorePort implements ObjectStore {
  readonly gapBytesMax: number;

  constructor(readonly store: SimulatedStore, readonly place: Place) {
    this.gapBytesMax = store.objects.gapBytesMax;
  }

  read(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#ask(() => this.store.objects.read(key, range, signal), signal);
  }

  readRanges(
    key: string,
    ranges: readonly ByteRange[],
    signal?: AbortSignal,
  ): Promise<Uint8Array[]> {
    return this.#ask(() => this.store.objects.readRanges(key, ranges, signal), signal);
  }

  sizeBytes(key: string, signal?: AbortSignal): Promise<number> {
    return this.#ask(() => this.store.objects.sizeBytes(key, signal), signal);
  }

  write(key: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    const copy = bytes.slice();
    return this.#ask(() => this.store.objects.write(key, copy, options), options.signal);
  }

  async openWriter(key: string): Promise<ObjectWriter> {
    const writer = await this.store.objects.openWriter(key);
    return { ...writer, close: () => this.#ask(() => writer.close(), undefined) };
  }

  list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing> {
    return this.#ask(() => this.store.objects.list(prefix, delimiter, signal), signal);
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#ask(() => this.store.objects.delete(key, signal), signal);
  }

  #ask<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.place.alive(this.#over(work, signal ?? NEVER));
  }

  async #over<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, random, network, failures } = this.store;
    signal.throwIfAborted();
    if (this.place.isDead) return await new Promise<never>(() => {});
    // A folder is near: no way to it takes time.
    if (network !== undefined) {
      await sleep(clock, random.next() * network.weather.delayMaxMs, signal);
    }
    if (this.store.isAway(this.place.name)) await this.#silence(signal);
    const isFailing = failures > 0 && random.next() < failures;
    // Half of what fails was done all the same.
    if (isFailing && random.next() < 0.5) throw new UnavailableError("the store failed");
    const answer = await work();
    if (isFailing) throw new UnavailableError("the store's answer is lost");
    return answer;
  }

  async #silence(signal: AbortSignal): Promise<never> {
    await sleep(this.store.clock, PATIENCE_MS, signal);
    signal.throwIfAborted();
    throw new UnavailableError("the store does not answer");
  }
}
