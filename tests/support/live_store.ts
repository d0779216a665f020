// A live-store in this thread: partitions of a log in memory, folded as in a process of its own.
import { LivePartitions, ThreadHost } from "../../actors/mod.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { LiveStore, Watermark } from "../../query/remote/mod.ts";
import { MemoryObjectStore, type ObjectStore } from "../../storage/mod.ts";
import type { MemoryLog } from "../../wal/mod.ts";

export interface LiveStoreParts {
  readonly partitions: readonly number[];
  /** Where its blocks go. */
  readonly store?: ObjectStore;
  /** Of a section; not given: it is never cut. */
  readonly spansMax?: number;
  announce?(blocks: readonly BlockMeta[]): void;
}

export class TestLiveStore implements LiveStore, AsyncDisposable {
  readonly live: LivePartitions;
  readonly #folded = new Map<number, number>();
  readonly #stop = new AbortController();
  readonly #run: Promise<void>;
  refused: string | undefined;

  constructor(readonly runtime: Runtime, readonly log: MemoryLog, parts: LiveStoreParts) {
    for (const partition of parts.partitions) this.#folded.set(partition, 0);
    const host = new ThreadHost(runtime, {
      log,
      store: parts.store ?? new MemoryObjectStore(),
      limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
      announce: ({ blocks }) => Promise.resolve(parts.announce?.(blocks)),
      pause: nextTurn,
      folded: (partition, nextOffset) => this.#folded.set(partition, nextOffset),
    }, {
      partitions: parts.partitions,
      cut: { spansMax: parts.spansMax ?? 1 << 30, bytesMax: 1 << 30, ageMaxMs: 3_600_000 },
      codec: "snappy",
      spansPerRowGroup: 80_000,
      timeSlackMs: 120_000,
      readBytesMax: 1 << 20,
      readWaitMs: 5,
    });
    this.live = new LivePartitions(runtime, [host]);
    this.#run = this.live.run(this.#stop.signal);
    this.#run.catch(() => {}); // told by what is asked of it
  }

  /** When every partition has folded what its log has now. */
  async caughtUp(): Promise<void> {
    const ends = new Map<number, number>();
    for (const partition of this.#folded.keys()) {
      ends.set(partition, await this.log.endOffset(partition));
    }
    const isThere = async () =>
      (await this.live.status()).every(({ partition, isReady, nextOffset }) =>
        isReady && nextOffset >= ends.get(partition)!
      );
    while (!await isThere()) await nextTurn();
  }

  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]> {
    return this.live.query(request, signal);
  }

  findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    return this.live.findTrace(tenant, traceId, signal);
  }

  watermarks(): Watermark[] {
    const completeToMs = this.runtime.clock.now();
    return [...this.#folded].map(([partition, nextOffset]) => ({
      partition,
      nextOffset,
      completeToMs,
    }));
  }

  refusal(): string | undefined {
    return this.refused;
  }

  /** All of it into blocks. */
  async flush(): Promise<void> {
    await this.live.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#run.catch(() => {});
  }
}
