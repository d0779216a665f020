// Every partition asked of exactly one owner, whoever of them is away or slow.
// Rules: partitions with the same owner go in one request; when its owner fails, or does not answer for a
// while, the next owners are asked for the same partitions, and whichever side answers them all first counts
// alone. A partition that nobody answers for fails the question and is named.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { isOfOneOwner } from "./live_owner.ts";

export interface Owner {
  readonly id: string;
  readonly address: string;
  readonly zone: string;
}

export interface OwnedPartition {
  readonly partition: number;
  /** The best to ask first; empty if nobody can be asked. */
  readonly owners: readonly Owner[];
}

export interface CoveringOptions {
  /** The next owner is asked too when the one before has not answered for so long; 0: at once. */
  readonly hedgingDelayMs: number;
  /** Hears of each request that is made because another is slow. */
  hedged(): void;
}

export type AskOwner<T> = (
  owner: Owner,
  partitions: readonly number[],
  signal: AbortSignal,
) => Promise<T>;

/** One answer for each owner that was asked and counts. */
export function covering<T>(
  clock: Clock,
  owned: readonly OwnedPartition[],
  options: CoveringOptions,
  ask: AskOwner<T>,
  signal: AbortSignal,
): Promise<T[]> {
  return new Covering(clock, options, ask).all(owned, 0, [], signal);
}

class Covering<T> {
  constructor(
    readonly clock: Clock,
    readonly options: CoveringOptions,
    readonly ask: AskOwner<T>,
  ) {}

  /** By the owners at a rank: 0 is the best. */
  async all(
    owned: readonly OwnedPartition[],
    rank: number,
    failures: readonly unknown[],
    signal: AbortSignal,
  ): Promise<T[]> {
    for (const one of owned) if (one.owners.length <= rank) throw nobody(one, failures);
    const byOwner = Map.groupBy(owned, ({ owners }) => owners[rank]!.address);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const answers = [...byOwner.values()].map(async (group) => {
      try {
        return await this.#first(group, rank, failures, either);
      } catch (error) {
        failed.abort(error); // the first one counts, and the others need not go on
        throw error;
      }
    });
    await Promise.allSettled(answers);
    if (failed.signal.aborted) throw failed.signal.reason;
    return (await Promise.all(answers)).flat();
  }

  /** Of partitions with the same owner at a rank: its answer, or that of those who come after it. */
  async #first(
    group: readonly OwnedPartition[],
    rank: number,
    before: readonly unknown[],
    signal: AbortSignal,
  ): Promise<T[]> {
    signal.throwIfAborted();
    const decided = new AbortController();
    const inner = AbortSignal.any([signal, decided.signal]);
    const { promise, resolve, reject } = Promise.withResolvers<T[]>();
    const owner = group[0]!.owners[rank]!;
    const orphan = group.find(({ owners }) => owners.length <= rank + 1);
    const failures = [...before];
    let open = 0;
    let isNextAsked = false;
    const begin = (work: Promise<T[]>) => {
      open++;
      work.then(resolve, (error) => {
        open--;
        if (signal.aborted) return reject(signal.reason);
        if (!isOfOneOwner(error)) return reject(error);
        failures.push(error);
        askNext();
        if (open === 0) reject(orphan === undefined ? error : nobody(orphan, failures));
      });
    };
    const askNext = () => {
      if (isNextAsked || orphan !== undefined) return;
      isNextAsked = true;
      begin(this.all(group, rank + 1, failures, inner));
    };
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    begin(this.ask(owner, group.map(({ partition }) => partition), inner).then((one) => [one]));
    const timer = this.clock.setTimeout(() => {
      if (isNextAsked || orphan !== undefined) return;
      this.options.hedged();
      askNext();
    }, this.options.hedgingDelayMs);
    try {
      return await promise;
    } finally {
      this.clock.clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      decided.abort();
    }
  }
}

function nobody({ partition }: OwnedPartition, failures: readonly unknown[]): UnavailableError {
  const reasons = failures.map((error) => error instanceof Error ? error.message : String(error));
  const why = reasons.length === 0 ? "it has no owner that can be asked" : reasons.join("; ");
  return new UnavailableError(`nobody answers for partition ${partition}: ${why}`);
}
