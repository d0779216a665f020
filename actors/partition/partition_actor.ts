// One partition of the log: its live-store and its block-builder, fed by one read and one decode.
// Rule: everything it knows is rebuilt by replaying the log from the committed offset; when one of
// the two fails, both start again from there.
//
//   log ──pull──▶ head section ──seal──▶ sealed section ──▶ blocks ──▶ commit ──▶ announce, release
//                     └────────── live queries ────┘
import { fromPromise } from "xstate";
import type { Runtime } from "../../lib/runtime.ts";
import { allOrAbort } from "../../lib/all_or_abort.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { untilAvailable } from "../../lib/until_available.ts";
import type { LogRecord, ReadBatch } from "../../wal/mod.ts";
import { BLOCK_BUILDER_GROUP, SectionBuilder } from "../block_builder/section_builder.ts";
import { type Beginning, beginningOf } from "./beginning.ts";
import { coveredBlocks } from "../block_builder/covered_blocks.ts";
import { isDue } from "../live_store/cut.ts";
import { PartitionState } from "../live_store/fold.ts";
import { liveStoreMachine, type Pulled } from "../live_store/machine.ts";
import type { Section } from "../live_store/section.ts";
import type { LiveSegment } from "../live_store/segment.ts";
import { runMachine } from "../run_machine.ts";
import { Flushes } from "./flushes.ts";
import { Handover } from "./handover.ts";
import { foldEvents } from "./fold_events.ts";
import { PartitionGauges } from "./partition_gauges.ts";
import type {
  PartitionDependencies,
  PartitionOptions,
  PartitionStatus,
} from "./partition_options.ts";
import { Waker, WOKEN } from "./waker.ts";

const PULL_ATTEMPTS_MAX = 20;

export class PartitionActor {
  readonly id: string;
  readonly #group: string;
  #builtOffset = 0;
  #startedMs = 0;
  #behindMs = Infinity;
  #state: PartitionState | undefined;
  #endAtStart = 0;
  #committedOffset = 0;
  #liveStorePhase = "stopped";
  #blockBuilderPhase = "stopped";
  #waker: Waker | undefined;
  readonly #gauges;
  #drain: (() => void) | undefined;
  #isDraining = false;
  readonly #flushes = new Flushes();

  constructor(
    readonly runtime: Runtime,
    readonly dependencies: PartitionDependencies,
    readonly options: PartitionOptions,
  ) {
    this.id = `partition-${options.partition}`;
    this.#group = options.group ?? BLOCK_BUILDER_GROUP;
    const { clock } = runtime;
    const { metrics } = dependencies;
    this.#gauges = new PartitionGauges(clock, metrics, options.partition, this.#group);
  }

  /** Runs until drained or aborted; rejects when something broke, and may then be run again. */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, limits } = this.dependencies;
    const { partition } = this.options;
    const { offset: start, builtOffset } = await this.#begin(signal);
    this.#committedOffset = start;
    this.#builtOffset = builtOffset;
    this.#flushes.committed(start); // by a former life
    const state = new PartitionState(
      start,
      pool,
      limits,
      foldEvents(this.runtime, this.dependencies.metrics, partition),
    );
    this.#state = state;
    const handover = new Handover();
    try {
      await allOrAbort(signal, [
        (either) => this.#runLiveStore(state, handover, either).then(() => handover.close()),
        (either) => this.#runBlockBuilder(state, handover, start, either),
      ]);
    } finally {
      this.#state = undefined;
      this.#drain = undefined;
      this.#waker = undefined;
      state.dispose();
      this.#gauges.stopped();
    }
  }

  /** Builds what is in memory into blocks, commits, and lets `run` end. */
  drain(): void {
    this.#isDraining = true;
    this.#drain?.();
    this.#waker?.wake();
  }

  /** Resolves once everything that is in the log now is in blocks. */
  async flush(): Promise<void> {
    const offset = await this.dependencies.log.endOffset(this.options.partition);
    if (this.#committedOffset >= offset) return;
    const flushed = this.#flushes.until(offset);
    this.#waker?.wake();
    await flushed;
  }

  /** False while it replays: an answer would leave acknowledged spans out. */
  get isReady(): boolean {
    const state = this.#state;
    if (state === undefined) return false;
    return state.nextOffset >= this.#endAtStart || this.#isReadyEarly();
  }

  #isReadyEarly(): boolean {
    const rule = this.options.earlyReadiness;
    if (rule === undefined) return false;
    const waitedMs = this.runtime.clock.monotonic() - this.#startedMs;
    return this.#behindMs <= rule.lagMs || waitedMs >= rule.waitMaxMs;
  }

  /** The spans of a tenant that are in memory. */
  segments(tenant: string): LiveSegment[] {
    return this.#state?.segments(tenant) ?? [];
  }

  /** Ids of the blocks that may hold what `segments` of the same turn hold. */
  coveredBlocks(tenant: string): string[] {
    const { partition, logIdentity = "" } = this.options;
    return [this.#state?.sealed, this.#state?.head].flatMap((section) =>
      section?.segments.has(tenant)
        ? coveredBlocks(tenant, partition, section.startOffset, logIdentity)
        : []
    );
  }

  allSegments(): LiveSegment[] {
    const state = this.#state;
    if (state === undefined) return [];
    return [state.sealed, state.head].flatMap((section) => [...section?.segments.values() ?? []]);
  }

  status(): PartitionStatus {
    const state = this.#state;
    return {
      partition: this.options.partition,
      liveStore: this.#liveStorePhase,
      blockBuilder: this.#blockBuilderPhase,
      isReady: this.isReady,
      nextOffset: state?.nextOffset ?? 0,
      committedOffset: this.#committedOffset,
      liveSpans: (state?.head.spans ?? 0) + (state?.sealed?.spans ?? 0),
    };
  }

  // ── Live-store ──────────────────────────────────────────────────────────────────────────────

  async #runLiveStore(
    state: PartitionState,
    handover: Handover,
    signal: AbortSignal,
  ): Promise<void> {
    const waker = new Waker(signal);
    this.#waker = waker;
    const machine = liveStoreMachine.provide({
      actors: {
        pull: fromPromise<Pulled>(() => this.#pull(state, waker)),
        handOver: fromPromise<void>(({ signal }) => this.#handOver(state, handover, signal)),
      },
    });
    await runMachine(machine, {
      input: { partition: this.options.partition, attemptsMax: PULL_ATTEMPTS_MAX },
      clock: this.runtime.clock,
      signal,
      onPhase: (phase) => this.#liveStorePhase = phase,
      onStart: (send) => {
        this.#drain = () => send({ type: "drain" });
        if (this.#isDraining) this.#drain();
      },
    });
  }

  async #pull(state: PartitionState, waker: Waker): Promise<Pulled> {
    const { log } = this.dependencies;
    const { partition, readBytesMax, readWaitMs } = this.options;
    const isCaughtUp = this.isReady;
    const isHurried = this.#isDraining || state.nextOffset < this.#flushes.offset;
    const askedAtMs = this.runtime.clock.now();
    const askedMs = this.runtime.clock.monotonic();
    const batch = await log.read(partition, state.nextOffset, {
      bytesMax: readBytesMax,
      waitMs: isCaughtUp && !isHurried ? readWaitMs : 0,
      signal: waker.signal,
    }).catch((error) => {
      if (error === WOKEN) return undefined;
      throw error;
    });
    if (batch !== undefined) {
      this.#gauges.fetched(batch, this.runtime.clock.monotonic() - askedMs);
      this.#fold(state, batch.records);
      state.skipTo(batch.nextOffset);
      await this.#observe(state, batch, askedAtMs);
    }
    return { isCaughtUp: this.isReady, isDue: this.#isHeadDue(state) };
  }

  #fold(state: PartitionState, records: readonly LogRecord[]): void {
    const ageMaxMs = this.options.lookback?.recordAgeMaxMs ?? Infinity;
    const nowMs = this.runtime.clock.now();
    for (const record of records) {
      const isPassedOver = record.offset < this.#builtOffset &&
        nowMs - record.timestampMs > ageMaxMs;
      if (isPassedOver) state.pass(record);
      else state.apply(record);
    }
  }

  #isHeadDue(state: PartitionState): boolean {
    if (state.head.isEmpty) return false;
    const isFlushed = state.nextOffset >= this.#flushes.offset &&
      state.head.startOffset < this.#flushes.offset;
    return isFlushed || isDue(state.head, this.options.cut, this.runtime.clock.now());
  }

  async #handOver(state: PartitionState, handover: Handover, signal: AbortSignal): Promise<void> {
    const { clock } = this.runtime;
    const waitsFromMs = clock.monotonic();
    await handover.waitUntilFree(signal);
    this.#gauges.waited(clock.monotonic() - waitsFromMs);
    if (state.head.isEmpty) return;
    this.dependencies.metrics.blocksCut.labels(this.#cutReason(state.head)).inc();
    handover.put(state.seal());
  }

  #cutReason(section: Section): string {
    if (this.#isDraining) return "shutdown";
    if (section.spans >= this.options.cut.spansMax) return "size";
    const ageMs = this.runtime.clock.now() - section.firstRecordMs;
    return ageMs >= this.options.cut.ageMaxMs ? "duration" : "size";
  }

  // ── Block-builder ───────────────────────────────────────────────────────────────────────────

  async #runBlockBuilder(
    state: PartitionState,
    handover: Handover,
    committedOffset: number,
    signal: AbortSignal,
  ): Promise<void> {
    const options = { ...this.options, group: this.#group };
    const builder = new SectionBuilder(this.runtime, this.dependencies, options, {
      takeSection: (signal) => handover.take(signal),
      committed: (offset) => this.#committedOffset = offset,
      released: () => {
        state.release();
        handover.release();
        this.#flushes.committed(this.#committedOffset);
      },
    });
    await runMachine(builder.machine(), {
      input: { partition: this.options.partition, committedOffset },
      clock: this.runtime.clock,
      signal,
      onPhase: (phase) => this.#blockBuilderPhase = phase,
    });
  }

  // ── Beside the two ──────────────────────────────────────────────────────────────────────────

  /** Where the log is somebody else's server, that may be away for a while: it waits. */
  async #begin(signal: AbortSignal): Promise<Beginning> {
    const { clock, log: logger } = this.runtime;
    const { log } = this.dependencies;
    const { partition, lookback } = this.options;
    this.#startedMs = clock.monotonic();
    this.#behindMs = Infinity;
    this.#gauges.started();
    return await untilAvailable(clock, signal, async () => {
      const beginning = await beginningOf(log, this.#group, partition, lookback, clock.now());
      this.#endAtStart = await log.endOffset(partition);
      return beginning;
    }, ({ message }) => logger.warn("the log cannot be reached", { partition, error: message }));
  }

  /** `askedAtMs`: before the batch was read. */
  async #observe(state: PartitionState, batch: ReadBatch, askedAtMs: number): Promise<void> {
    const { nextOffset } = state;
    const end = batch.endOffset ?? await this.#endOffset();
    if (end === undefined) return; // the gauges stand, and the watermark with them
    const lag = Math.max(0, end - nextOffset);
    const lastMs = batch.records.at(-1)?.timestampMs;
    // What was acknowledged before the end was looked up lies before it.
    if (lag === 0) this.dependencies.folded(this.options.partition, nextOffset, askedAtMs);
    else if (lastMs !== undefined) {
      this.dependencies.folded(this.options.partition, nextOffset, lastMs);
    }
    const now = this.runtime.clock.now();
    if (lag === 0) this.#behindMs = 0;
    else if (lastMs !== undefined) this.#behindMs = now - lastMs;
    this.#gauges.observed(lag, lastMs === undefined ? 0 : this.#behindMs, this.isReady);
  }

  async #endOffset(): Promise<number | undefined> {
    try {
      return await this.dependencies.log.endOffset(this.options.partition);
    } catch (error) {
      if (error instanceof UnavailableError) return undefined;
      throw error;
    }
  }
}
