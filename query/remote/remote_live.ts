// Live data of other processes: what queries ask where partitions have live-stores of their own.
// Rules: every partition that may hold spans is asked, each of exactly one owner, or the question fails and
// says which one nobody answered for; who failed when last asked is asked after the others.
import type { Runtime } from "../../lib/runtime.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { sleep } from "../../lib/waiting.ts";
import type { AnswerOf, QueryRequest } from "../engine/mod.ts";
import type { LiveSource } from "../querier/mod.ts";
import { covering, type OwnedPartition, type Owner } from "./covering.ts";
import type { LiveOwner } from "./live_owner.ts";
import { LiveOwners } from "./live_owners.ts";
import type { LiveReply, Watermark } from "./live_wire.ts";

export interface RemoteLiveOptions {
  readonly hedgingDelayMs: number;
  /** Whether one owner of a partition is asked, and the next only if need be; otherwise all at once. */
  readonly minimizeRequests: boolean;
  /** Owners are asked how they are, so often; 0: never. */
  readonly checkIntervalMs: number;
}

export class RemoteLive implements LiveSource, AsyncDisposable {
  readonly #owners: LiveOwners;
  readonly #hedges;
  readonly #failures;
  readonly #stop = new AbortController();
  readonly #checking: Promise<void>;

  constructor(
    readonly runtime: Runtime,
    /** Of every partition that may hold spans. */
    readonly partitions: () => readonly OwnedPartition[],
    connect: (address: string) => LiveOwner,
    readonly options: RemoteLiveOptions,
  ) {
    const { metrics, clock } = runtime;
    const connected = metrics.gauge(
      "tempo_querier_livestore_clients",
      "Live-stores that questions go to.",
    );
    this.#hedges = metrics.counter(
      "segno_livestore_hedged_requests_total",
      "Questions to a second owner because the first was slow.",
    );
    this.#failures = metrics.counter(
      "segno_livestore_failed_requests_total",
      "Questions that a live-store did not answer.",
    );
    this.#owners = new LiveOwners(clock, connect, connected);
    this.#checking = this.#checkForEver(this.#stop.signal);
  }

  async query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]> {
    return await this.#everywhere(
      (owner, partitions, inner) => owner.query(request, partitions, inner),
      signal,
    );
  }

  async findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    return await this.#everywhere(
      (owner, partitions, inner) => owner.findTrace(tenant, traceId, partitions, inner),
      signal,
    );
  }

  /**
   * How far whatever is asked from now on is complete: of all that may answer for a partition, the one that
   * is furthest behind. A partition is left out while one of them has told nothing yet.
   */
  watermarks(): Watermark[] {
    return this.partitions().flatMap(({ partition, owners }) => {
      const told = owners.map(({ address }) => this.#owners.watermark(address, partition));
      if (told.length === 0 || told.includes(undefined)) return [];
      return [{
        partition,
        nextOffset: Math.min(...told.map((one) => one!.nextOffset)),
        completeToMs: Math.min(...told.map((one) => one!.completeToMs)),
      }];
    });
  }

  /** Asks every owner how it is. */
  async check(signal: AbortSignal): Promise<void> {
    const addresses = this.#wanted(this.partitions());
    this.#owners.keep(addresses);
    await Promise.all([...addresses].map(async (address) => {
      try {
        const told = await this.#owners.ask(address, signal, (owner) => owner.status(signal));
        if (told.refusal !== undefined) this.#owners.failed(address);
      } catch {
        // It is asked after the others from now on.
      }
    }));
  }

  async #everywhere<T>(
    ask: (
      owner: LiveOwner,
      partitions: readonly number[],
      signal: AbortSignal,
    ) => Promise<LiveReply<T>>,
    signal: AbortSignal,
  ): Promise<T[]> {
    const { clock } = this.runtime;
    const partitions = this.partitions();
    if (partitions.length === 0) {
      throw new UnavailableError("no partition is known yet: the ring is empty");
    }
    this.#owners.keep(this.#wanted(partitions));
    const { hedgingDelayMs, minimizeRequests } = this.options;
    const options = {
      hedgingDelayMs: minimizeRequests ? hedgingDelayMs : 0,
      hedged: () => this.#hedges.inc(),
    };
    const askOne = async ({ address }: Owner, some: readonly number[], inner: AbortSignal) => {
      try {
        return await this.#owners.ask(address, inner, (owner) => ask(owner, some, inner));
      } catch (error) {
        if (!inner.aborted) this.#failures.inc();
        throw error;
      }
    };
    const ordered = partitions.map((one) => this.#failedLast(one));
    const replies = await covering(clock, ordered, options, askOne, signal);
    return replies.flatMap(({ found }) => found);
  }

  #failedLast({ partition, owners }: OwnedPartition): OwnedPartition {
    const hasFailed = ({ address }: Owner) => this.#owners.hasFailed(address);
    const [failed, good] = [owners.filter(hasFailed), owners.filter((one) => !hasFailed(one))];
    return { partition, owners: [...good, ...failed] };
  }

  #wanted(partitions: readonly OwnedPartition[]): ReadonlySet<string> {
    return new Set(partitions.flatMap(({ owners }) => owners.map(({ address }) => address)));
  }

  async #checkForEver(signal: AbortSignal): Promise<void> {
    const { checkIntervalMs } = this.options;
    while (checkIntervalMs > 0 && !signal.aborted) {
      await this.check(signal);
      await sleep(this.runtime.clock, checkIntervalMs, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new UnavailableError("shutting down"));
    await this.#checking;
    this.#owners[Symbol.dispose]();
  }
}
