// The effects of the block-builder machine on the section it has in hand: build, commit, announce.
// Rule: the section is let go of only when queries see its blocks, so that no span is unseen between.
import { fromPromise } from "xstate";
import { invariant } from "../../lib/invariant.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import type { LogReader } from "../../wal/mod.ts";
import type { Section } from "../live_store/section.ts";
import type { PartitionMetrics } from "../partition/metrics.ts";
import { allowCompaction, type BuildOptions, type BuiltSection, SectionBuild } from "./effects.ts";
import { blockBuilderMachine, type SectionRange } from "./machine.ts";

/** The consumer group whose committed offset says what is safe in blocks. */
export const BLOCK_BUILDER_GROUP = "block-builder";

export interface SectionBuilderDependencies {
  readonly log: LogReader;
  readonly store: ObjectStore;
  readonly metrics: PartitionMetrics;
  /** Resolves once queries see the blocks. */
  announce(built: BuiltSection): Promise<void>;
  /** Gives other work of this thread its turn. */
  pause(): Promise<void>;
}

/** The partition around the builder. */
export interface SectionSource {
  /** Undefined when no more sections will come. */
  takeSection(signal: AbortSignal): Promise<Section | undefined>;
  committed(offset: number): void;
  released(): void;
}

export class SectionBuilder {
  #build: SectionBuild | undefined;
  #built: BuiltSection | undefined;
  #takenAtMs = 0;
  #firstRecordMs = 0;

  constructor(
    readonly runtime: Runtime,
    readonly dependencies: SectionBuilderDependencies,
    readonly options: BuildOptions & { readonly group: string },
    readonly source: SectionSource,
  ) {}

  machine() {
    return blockBuilderMachine.provide({
      actors: {
        takeSection: fromPromise<SectionRange | null>(({ signal }) => this.#take(signal)),
        buildBlocks: fromPromise<void, SectionRange>(({ signal }) => this.#buildBlocks(signal)),
        commitOffset: fromPromise<void, { offset: number }>(({ input }) =>
          this.#commit(input.offset)
        ),
        announceBlocks: fromPromise<void, SectionRange>(() => this.#announce()),
      },
    });
  }

  async #take(signal: AbortSignal): Promise<SectionRange | null> {
    const section = await this.source.takeSection(signal);
    if (section === undefined) return null;
    this.#takenAtMs = this.runtime.clock.monotonic();
    this.#firstRecordMs = section.firstRecordMs;
    this.dependencies.metrics.queueLength.inc();
    this.#build = new SectionBuild(this.runtime, this.dependencies.store, section, this.options);
    const { startOffset, nextOffset } = section;
    return { startOffset, nextOffset };
  }

  async #buildBlocks(signal: AbortSignal): Promise<void> {
    invariant(this.#build !== undefined, "BB-5: a section is taken before it is built");
    try {
      this.#built = await this.#build.run(this.dependencies.pause, signal);
    } catch (error) {
      if (!signal.aborted) {
        this.dependencies.metrics.failedCompletions.inc();
        this.dependencies.metrics.completionRetries.inc(); // the machine tries for ever
        const { partition } = this.options;
        this.runtime.log.warn("building blocks failed", { partition, error: String(error) });
      }
      throw error;
    }
  }

  async #commit(offset: number): Promise<void> {
    invariant(this.#built !== undefined, "BB-3: an offset is committed after its blocks");
    const { group, partition } = this.options;
    await this.dependencies.log.commit(group, partition, offset);
    this.source.committed(offset);
  }

  async #announce(): Promise<void> {
    invariant(this.#built !== undefined, "BB-7: blocks are announced after they are built");
    await allowCompaction(this.dependencies.store, this.#built.blocks);
    await this.dependencies.announce(this.#built);
    this.#count(this.#built);
    this.#build = undefined;
    this.#built = undefined;
    this.dependencies.metrics.queueLength.dec();
    this.source.released();
  }

  #count({ blocks }: BuiltSection): void {
    const { metrics } = this.dependencies;
    const seconds = (this.runtime.clock.monotonic() - this.#takenAtMs) / 1000;
    metrics.completions.inc();
    metrics.completionSeconds.observe(seconds);
    const cycleMs = Math.max(0, this.runtime.clock.now() - this.#firstRecordMs);
    metrics.cycleSeconds.observe(cycleMs / 1000);
    metrics.flushSeconds.labels(String(this.options.partition)).observe(seconds);
    for (const block of blocks) {
      metrics.flushedBlocks.labels(block.tenantID).inc();
      metrics.completionBytes.observe(block.size);
    }
  }
}
