// A metrics-generator: the fold of its partitions into series, tenant by tenant, and their delivery.
// Rule: what is committed is in delivery logs. What a crash does to counts: docs/adr/0026-metrics-generator.md
//
//   share ─▶ partitions ─▶ records ─▶ TenantFold ─▶ series ─▶ delivery log ─▶ commit
import { UnavailableError } from "../lib/errors.ts";
import { invariant } from "../lib/invariant.ts";
import { Lanes } from "../lib/lanes.ts";
import type { Logger } from "../lib/log.ts";
import { ProtobufError } from "../lib/protobuf_reader.ts";
import type { Runtime } from "../lib/runtime.ts";
import { Turns } from "../lib/turns.ts";
import { untilAvailable } from "../lib/until_available.ts";
import { nextTurn, sleep } from "../lib/waiting.ts";
import { skipsMetrics } from "../model/record.ts";
import type { LogReader, LogRecord } from "../wal/mod.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { type GeneratorMetrics, generatorMetrics } from "./generator_metrics.ts";
import { RecordColumns } from "./record_columns.ts";
import type { PartitionShare, ShareHolder } from "./share.ts";
import { TenantGenerator } from "./tenant_generator.ts";
import { type MakerOf, type TenantRules, Tenants } from "./tenants.ts";

export const GENERATOR_GROUP = "metrics-generator";

export interface GeneratorOptions {
  /** Partitions that are read at a time. */
  readonly readsAtOnce: number;
  readonly readBytesMax: number;
  readonly readWaitMs: number;
  /** How long the end waits for endpoints. */
  readonly flushMs: number;
}

/** Where it reads. */
export interface GeneratorSource {
  readonly log: Pick<LogReader, "read">;
  readonly share: PartitionShare;
  /** Where a partition begins that has just become its own. */
  startOf(partition: number): Promise<number>;
  endOf(partition: number): Promise<number>;
}

/** One partition that is its own. */
interface Reading {
  nextOffset: number;
  /** By this owner; -1: nothing yet. */
  committed: number;
}

/** How exactly collections keep their time. */
const TICK_MS = 100;
/** Changes of what tenants want take effect within this. */
const RECONCILE_EVERY_MS = 10_000;

export class Generator implements ShareHolder {
  readonly tenants: Tenants;
  readonly #readings = new Map<number, Reading>();
  readonly #lanes: Lanes;
  readonly #commits = new Turns();
  readonly #metrics: GeneratorMetrics;
  readonly #logger: Logger;
  #reads = new AbortController();
  #reading: Promise<unknown> = Promise.resolve();
  /** Ends work that waits for a disk. */
  readonly #over = new AbortController();
  readonly #failure = Promise.withResolvers<never>();
  #wasTaken = false;

  constructor(
    readonly runtime: Runtime,
    readonly source: GeneratorSource,
    rules: TenantRules,
    delivery: Delivery,
    readonly options: GeneratorOptions,
    makerOf = tenantGenerators(),
  ) {
    this.#lanes = new Lanes(options.readsAtOnce);
    this.#metrics = generatorMetrics(runtime.metrics);
    this.#logger = runtime.log.getChild("generator");
    this.tenants = new Tenants(runtime, this.#logger, this.#metrics, rules, delivery, makerOf);
    this.#failure.promise.catch(() => {}); // `run` tells it
  }

  /** Why it may not be asked yet. */
  get unready(): string | undefined {
    return this.#wasTaken ? undefined : "no partitions are assigned yet";
  }

  get partitions(): readonly number[] {
    return [...this.#readings.keys()].sort((a, b) => a - b);
  }

  /** Until the signal aborts: then what was read is collected, committed, and delivered as far as there is time. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal]);
    let beating: Promise<void> = Promise.resolve();
    try {
      await this.tenants.openFormer(stop);
      beating = this.#beat(stop);
      await Promise.race([this.source.share.run(this, stop), this.#failure.promise]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ended.abort();
      await beating;
      await this.#close();
    }
  }

  take(partitions: readonly number[]): void {
    invariant(this.#readings.size === 0, "GE-1: what was had is given up before more is taken");
    this.#wasTaken = true;
    this.#reads = new AbortController();
    const { signal } = this.#reads;
    this.#metrics.assigned.set(partitions.length);
    this.#reading = Promise.all(partitions.map((partition) => this.#read(partition, signal)));
    this.#reading.catch((error) => this.#failure.reject(error));
  }

  async giveUp(): Promise<void> {
    this.#reads.abort();
    await this.#reading.catch(() => {});
    if (this.#readings.size === 0) return;
    const enough = new AbortController();
    // Whoever waits for a disk is not waited for much longer.
    await Promise.race([
      this.tenants.collectAll(this.#over.signal),
      sleep(this.runtime.clock, this.options.flushMs, enough.signal),
    ]);
    enough.abort();
    await this.#commit();
    for (const partition of this.#readings.keys()) {
      this.#metrics.lag.remove(GENERATOR_GROUP, String(partition));
      this.#metrics.lagSeconds.remove(GENERATOR_GROUP, String(partition));
    }
    this.#readings.clear();
    this.#metrics.assigned.set(0);
  }

  async #read(partition: number, signal: AbortSignal): Promise<void> {
    const { readBytesMax: bytesMax, readWaitMs: waitMs } = this.options;
    const { clock } = this.runtime;
    try {
      const [nextOffset, endOffset] = await untilAvailable(
        clock,
        signal,
        () => Promise.all([this.source.startOf(partition), this.source.endOf(partition)]),
        ({ message }) => this.#logger.warn("a partition cannot be begun", { partition, message }),
      );
      this.tenants.begin(partition, endOffset);
      const reading = { nextOffset, committed: -1 };
      this.#readings.set(partition, reading);
      // Where it begins is kept at once: who is killed before the first collection begins there again.
      this.#commit().catch((error) => this.#failure.reject(error));
      while (!signal.aborted) {
        const batch = await this.#lanes.run(() =>
          this.source.log.read(partition, reading.nextOffset, { bytesMax, waitMs, signal })
        );
        const startMs = clock.monotonic();
        for (const record of batch.records) {
          const isKnown = this.#count(record);
          if (!isKnown) await this.#countFirst(record, signal);
          reading.nextOffset = record.offset + 1;
        }
        reading.nextOffset = Math.max(reading.nextOffset, batch.nextOffset);
        this.#metrics.enqueueSeconds.inc((clock.monotonic() - startMs) / 1000);
        const end = batch.endOffset ?? await this.source.endOf(partition);
        this.#tellLag(partition, reading.nextOffset, end, batch.records.at(-1));
        await nextTurn();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** False: its tenant is not open. */
  #count({ tenant, partition, offset, value }: LogRecord): boolean {
    const fold = this.tenants.known(tenant);
    if (fold === undefined) return false;
    if (fold === null) return true;
    try {
      if (skipsMetrics(value)) this.#metrics.skipped.labels(tenant).inc();
      else if (!fold.push(partition, offset, value)) this.#metrics.replayed.labels(tenant).inc();
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      this.#metrics.malformed.labels(tenant).inc();
      this.#logger.error("a record cannot be read", { tenant, partition, offset, error });
    }
    return true;
  }

  async #countFirst(record: LogRecord, signal: AbortSignal): Promise<void> {
    if (await this.tenants.foldOf(record.tenant, signal) !== null) this.#count(record);
  }

  /** Collects each tenant when its time has come, and looks at what tenants want. */
  async #beat(signal: AbortSignal): Promise<void> {
    const { clock } = this.runtime;
    let reconcileMs = clock.now() + RECONCILE_EVERY_MS;
    try {
      while (!signal.aborted) {
        this.tenants.collectDue(
          this.#over.signal,
          () => this.#commit(),
          (error) => this.#failure.reject(error),
        );
        if (clock.now() >= reconcileMs) {
          reconcileMs = clock.now() + RECONCILE_EVERY_MS;
          this.tenants.reconcile();
        }
        await sleep(clock, TICK_MS, signal);
      }
    } catch (error) {
      this.#failure.reject(error);
    }
  }

  /** What every tenant has on the disk. What cannot be committed now is committed after the next collection. */
  #commit(): Promise<void> {
    return this.#commits.take(async () => {
      const nextOffsets = new Map<number, number>();
      for (const [partition, { nextOffset, committed }] of this.#readings) {
        const offset = this.tenants.uncollected(partition) ?? nextOffset;
        if (offset > committed) nextOffsets.set(partition, offset);
      }
      if (nextOffsets.size === 0) return;
      try {
        await this.source.share.commit(nextOffsets);
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.#logger.warn("what is collected cannot be committed", { error: error.message });
        return;
      }
      for (const [partition, offset] of nextOffsets) {
        const reading = this.#readings.get(partition);
        if (reading !== undefined) reading.committed = offset;
      }
    });
  }

  #tellLag(
    partition: number,
    nextOffset: number,
    endOffset: number,
    newest: LogRecord | undefined,
  ): void {
    const behind = Math.max(0, endOffset - nextOffset);
    const { lag, lagSeconds } = this.#metrics;
    lag.labels(GENERATOR_GROUP, String(partition)).set(behind);
    if (behind > 0 && newest === undefined) return; // as it was
    const ageMs = behind === 0 ? 0 : this.runtime.clock.now() - newest!.timestampMs;
    lagSeconds.labels(GENERATOR_GROUP, String(partition)).set(Math.max(0, ageMs) / 1000);
  }

  async #close(): Promise<void> {
    const { clock } = this.runtime;
    const enough = new AbortController();
    enough.signal.addEventListener("abort", () => this.#over.abort());
    const timer = clock.setTimeout(() => enough.abort(), this.options.flushMs);
    await this.giveUp(); // which the share has asked for, unless it has failed
    await this.tenants.flush(enough.signal);
    clock.clearTimeout(timer);
    this.#over.abort();
    await this.tenants[Symbol.asyncDispose]();
  }
}

/** All of a thread decode into the same columns. */
function tenantGenerators(): MakerOf {
  const columns = new RecordColumns();
  return (settings, nowMs) => new TenantGenerator(settings, columns, nowMs);
}
