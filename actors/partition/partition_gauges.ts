// What one partition shows of itself on /metrics, its children bound once.
import type { Clock } from "../../lib/clock.ts";
import type { ReadBatch } from "../../wal/mod.ts";
import { BLOCK_BUILDER_GROUP } from "../block_builder/section_builder.ts";
import type { PartitionMetrics } from "./metrics.ts";

export class PartitionGauges {
  readonly #lag;
  readonly #lagSeconds;
  readonly #ready;
  readonly #fetchSeconds;
  readonly #fetchBytes;
  readonly #fetchRecords;
  readonly #catchUpSeconds;
  readonly #isBuilder: boolean;
  #startedMs = 0;
  #hasCaughtUp = false;

  constructor(
    readonly clock: Clock,
    readonly metrics: PartitionMetrics,
    partition: number,
    group: string,
  ) {
    const name = String(partition);
    this.#isBuilder = group === BLOCK_BUILDER_GROUP;
    this.#lag = metrics.lag.labels(group, name);
    this.#lagSeconds = metrics.lagSeconds.labels(group, name);
    this.#ready = metrics.ready.labels(name);
    this.#fetchSeconds = metrics.fetchSeconds.labels(name);
    this.#fetchBytes = metrics.fetchBytes.labels(name);
    this.#fetchRecords = metrics.fetchRecords.labels(name);
    this.#catchUpSeconds = metrics.catchUpSeconds.labels(name);
    metrics.owned.labels(name, group).set(1);
  }

  started(): void {
    this.#startedMs = this.clock.monotonic();
    this.#hasCaughtUp = false;
  }

  stopped(): void {
    this.#ready.set(0);
  }

  fetched({ records }: ReadBatch, ms: number): void {
    if (!this.#isBuilder) return;
    this.#fetchSeconds.observe(ms / 1000);
    this.#fetchRecords.inc(records.length);
    this.#fetchBytes.inc(records.reduce((sum, { value }) => sum + value.length, 0));
  }

  /** `behindMs`: age of the last record taken in; 0 at the end of the log. */
  observed(lag: number, behindMs: number, isReady: boolean): void {
    this.#lag.set(lag);
    this.#lagSeconds.set(behindMs / 1000);
    this.#ready.set(isReady ? 1 : 0);
    if (!isReady || this.#hasCaughtUp) return;
    this.#hasCaughtUp = true;
    this.#catchUpSeconds.set((this.clock.monotonic() - this.#startedMs) / 1000);
  }

  waited(ms: number): void {
    this.metrics.backPressureSeconds.labels("complete_queue").inc(ms / 1000);
  }
}
