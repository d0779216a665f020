// One tenant of a generator: records go into its series, collections of them into its delivery log.
// Rules: a record is counted once in what is delivered from one disk, over crashes too: a collection says up to which
// records it counts, and those are passed over when the log is read again. Until a collection is on the disk the next
// is not made, so that no series' beginning or end is lost.
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import { Turns } from "../lib/turns.ts";
import { untilAvailable } from "../lib/until_available.ts";
import type { Collection } from "./delivery/collection.ts";
import type { SeriesPoints } from "./series.ts";
import type { GeneratorSettings } from "./settings.ts";
import type { GeneratorStats } from "./stats.ts";

/** What becomes of a tenant's records. */
export interface SeriesMaker {
  /** What is wrong with its settings. */
  readonly problems: readonly string[];
  /** Throws ProtobufError for a record that is none. */
  push(record: Uint8Array, nowMs: number): void;
  collect(nowMs: number): SeriesPoints[];
  configure(settings: GeneratorSettings, nowMs: number): void;
  stats(): GeneratorStats;
}

/** Where its collections go. */
export interface CollectionSink {
  /** What the newest collection counts, of this life or one before. */
  readonly nextOffsets: ReadonlyMap<number, number>;
  append(collection: Collection): Promise<void>;
}

export class TenantFold {
  /** By partition, also of those that are somebody else's now: one past the last record that its series count. */
  readonly #counted: Map<number, number>;
  /** By partition: the first record that is in no collection yet. */
  #uncollected = new Map<number, number>();
  /** The same of a collection that is on its way to the disk. */
  #collecting = new Map<number, number>();
  #emptySinceMs: number | undefined;
  readonly #turns = new Turns();

  constructor(
    readonly runtime: Pick<Runtime, "clock">,
    readonly logger: Logger,
    readonly maker: SeriesMaker,
    readonly sink: CollectionSink,
  ) {
    this.#counted = new Map(sink.nextOffsets);
  }

  /** False: a former life has counted it. Throws ProtobufError. */
  push(partition: number, offset: number, record: Uint8Array): boolean {
    if (offset < (this.#counted.get(partition) ?? 0)) return false;
    this.maker.push(record, this.runtime.clock.now());
    this.#emptySinceMs = undefined;
    this.#counted.set(partition, offset + 1);
    if (!this.#uncollected.has(partition)) this.#uncollected.set(partition, offset);
    return true;
  }

  /** Since when it has nothing to tell; undefined while it has. */
  get emptySinceMs(): number | undefined {
    return this.#uncollected.size > 0 || this.#collecting.size > 0 ? undefined : this.#emptySinceMs;
  }

  /** The first record of a partition that no collection on the disk counts. */
  uncollected(partition: number): number | undefined {
    return this.#collecting.get(partition) ?? this.#uncollected.get(partition);
  }

  /** True when what was pushed before is on the disk; tries until the signal aborts. */
  collect(signal: AbortSignal): Promise<boolean> {
    return this.#turns.take(async () => {
      const timeMs = this.runtime.clock.now();
      const series = this.maker.collect(timeMs);
      this.#emptySinceMs = series.length > 0 ? undefined : this.#emptySinceMs ?? timeMs;
      const nextOffsets = new Map(this.#counted);
      this.#collecting = this.#uncollected;
      this.#uncollected = new Map();
      try {
        if (series.length > 0) {
          await untilAvailable(
            this.runtime.clock,
            signal,
            () => this.sink.append({ timeMs, nextOffsets, series }),
            ({ message }) => this.logger.error("a collection cannot be written", { message }),
          );
        }
        this.#collecting = new Map();
        return true;
      } catch (error) {
        if (!signal.aborted) throw error;
        this.#uncollected = new Map([...this.#uncollected, ...this.#collecting]);
        this.#collecting = new Map();
        return false;
      }
    });
  }

  /** Its offsets have begun again: nothing of it is counted. */
  forget(partition: number): void {
    this.#counted.delete(partition);
    this.#uncollected.delete(partition);
    this.#collecting.delete(partition);
  }
}
