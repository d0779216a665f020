// The life of the partition that an instance owns, and the end of partitions that nobody owns any more.
//
//   start: owner registered, partition created Pending if there is none
//   Pending ──enough owners, long enough──▶ Active ⇄ Inactive ──long without owners──▶ removed
//
// Rules: only the allowed moves are made, and none while the partition is locked; whoever is prepared for
// downscaling creates nothing. Spec: write path §3.
import { InputError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import type { ReplicatedMap } from "./gossip/replicated_map.ts";
import { PartitionState } from "./partition_ring.ts";
import {
  activatePartition,
  createPartition,
  mayMove,
  partitionsOf,
  removeOwner,
  removePartition,
  writeLock,
  writeOwner,
  writePartition,
} from "./ring_entries.ts";

export interface PartitionLifecycleOptions {
  readonly instance: string;
  readonly partition: number;
  readonly pollMs: number;
  readonly ownersMin: number;
  readonly ownersMinMs: number;
  /** 0: inactive partitions stay. */
  readonly deleteInactiveAfterMs: number;
}

export class PartitionLifecycler {
  /** Set by the preparation of a downscale. */
  removesOwnerOnStop = true;
  createsPartition = true;
  readonly #metrics;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log" | "metrics">,
    readonly map: ReplicatedMap,
    readonly options: PartitionLifecycleOptions,
  ) {
    this.#metrics = reconcileMetrics(runtime);
  }

  /** Until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#reconcile("owned-partition", () => this.register());
      this.#reconcile("other-partitions", () => this.poll());
      await sleep(this.runtime.clock, this.options.pollMs, signal);
    }
    if (this.removesOwnerOnStop) {
      removeOwner(this.map, this.options.instance, this.runtime.clock.now());
    }
  }

  /** Writes what is not there; what others have removed by mistake, too. */
  register(): void {
    const { instance, partition } = this.options;
    const now = this.runtime.clock.now();
    if (this.createsPartition) createPartition(this.map, partition, now);
    writeOwner(this.map, instance, partition, now);
  }

  #reconcile(type: ReconcileType, reconcile: () => void): void {
    this.#metrics.all.labels(type).inc();
    try {
      reconcile();
    } catch (error) {
      this.#metrics.failed.labels(type).inc();
      this.runtime.log.error("the partition ring was not looked after", { type, error });
    }
  }

  /** What time makes of partitions. */
  poll(): void {
    const now = this.runtime.clock.now();
    const { partition, ownersMin, ownersMinMs, deleteInactiveAfterMs } = this.options;
    for (const entry of partitionsOf(this.map)) {
      const { id, state, stateMs, owners, isLocked } = entry;
      if (id === partition && state === PartitionState.Pending && !isLocked) {
        const settled = owners.filter(({ updatedMs }) => now - updatedMs >= ownersMinMs);
        if (settled.length >= ownersMin) activatePartition(this.map, id, now);
      }
      const isAbandoned = id !== partition && state === PartitionState.Inactive &&
        owners.length === 0 && deleteInactiveAfterMs > 0 && now - stateMs >= deleteInactiveAfterMs;
      if (isAbandoned) {
        removePartition(this.map, id, now);
        this.runtime.log.info("a partition that nobody owned for long is removed", { id });
      }
    }
  }
}

type ReconcileType = "owned-partition" | "other-partitions";

function reconcileMetrics({ metrics }: Pick<Runtime, "metrics">) {
  const name = "tempo_partition_ring_lifecycler_reconciles";
  const help = "Times that this instance looked after the partition ring";
  return {
    all: metrics.counter(`${name}_total`, help, ["type"]),
    failed: metrics.counter(`${name}_failed_total`, `${help} and failed`, ["type"]),
  };
}

/** The partitions of an embedded log: all there from the beginning, and all of one instance. */
export function writeEmbeddedPartitions(
  map: ReplicatedMap,
  instance: string,
  count: number,
  nowMs: number,
): void {
  for (let partition = 0; partition < count; partition++) {
    writePartition(map, partition, PartitionState.Active, nowMs);
    // An owner owns one partition; who owns several has a name for each.
    writeOwner(map, partition === 0 ? instance : `${instance}/${partition}`, partition, nowMs);
  }
}

/** Throws InputError for a move that is not allowed, or of a partition that is locked. */
export function changeState(
  map: ReplicatedMap,
  partition: number,
  to: PartitionState,
  nowMs: number,
): void {
  const entry = partitionsOf(map).find(({ id }) => id === partition);
  if (entry === undefined) throw new InputError("not_found", `there is no partition ${partition}`);
  if (entry.state === to) return;
  const move = `partition ${partition} from ${PartitionState[entry.state]} to ${
    PartitionState[to]
  }`;
  if (entry.isLocked) throw new InputError("failed_precondition", `${move}: its state is locked`);
  if (!mayMove(entry.state, to)) {
    throw new InputError("failed_precondition", `${move}: there is no such move`);
  }
  writePartition(map, partition, to, nowMs);
}

export function changeLock(
  map: ReplicatedMap,
  partition: number,
  isLocked: boolean,
  nowMs: number,
): void {
  if (!partitionsOf(map).some(({ id }) => id === partition)) {
    throw new InputError("not_found", `there is no partition ${partition}`);
  }
  writeLock(map, partition, isLocked, nowMs);
}
