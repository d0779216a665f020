// The two steps by which a live-store is taken away without losing a span: first its partition takes no
// new ones, then, when nobody needs it to read them any more, it is marked to leave.
//
//   drain      Active ──▶ Inactive, still read and consumed; a second time changes nothing
//   prepare    marker on the disk, then, if the partition is Inactive: owner goes at the stop,
//              and a start creates no partition
//
// Rules: the marker is on the disk before anything else is said, so that a crash in between leaves the
// more careful state; a stop that was prepared for takes the marker with it.
import type { Clock } from "../lib/clock.ts";
import { InputError } from "../lib/errors.ts";
import type { Directory } from "../lib/fs.ts";
import type { ReplicatedMap } from "./gossip/replicated_map.ts";
import { changeState, type PartitionLifecycler } from "./partition_lifecycler.ts";
import { PartitionState } from "./partition_ring.ts";
import { type PartitionEntry, partitionsOf } from "./ring_entries.ts";

export interface DrainedPartition {
  readonly state: PartitionState;
  /** When it became Inactive; undefined if it is not. */
  readonly inactiveSinceMs: number | undefined;
}

export class Downscale {
  private constructor(
    readonly clock: Clock,
    readonly map: ReplicatedMap,
    readonly lifecycler: PartitionLifecycler,
    readonly markers: Directory,
    readonly removesOwnerOtherwise: boolean,
  ) {}

  /** Sets the lifecycler as the marker, or its absence, wants it. */
  static async open(
    clock: Clock,
    map: ReplicatedMap,
    lifecycler: PartitionLifecycler,
    markers: Directory,
    /** What is done with the owner at a stop that was not prepared for. */
    removesOwnerOtherwise: boolean,
  ): Promise<Downscale> {
    const downscale = new Downscale(clock, map, lifecycler, markers, removesOwnerOtherwise);
    downscale.#leaveAtStop(await downscale.isPrepared());
    return downscale;
  }

  async isPrepared(): Promise<boolean> {
    return (await this.markers.list()).includes(this.#marker);
  }

  /** Throws InputError `failed_precondition` unless the partition is Inactive; the marker stays then. */
  async prepare(): Promise<void> {
    await this.#writeMarker();
    const { state } = this.partition();
    if (state !== PartitionState.Inactive) {
      throw new InputError(
        "failed_precondition",
        `partition ${this.lifecycler.options.partition} is ${
          PartitionState[state]
        }, not Inactive: ` +
          "prepare its downscale first",
      );
    }
    this.#leaveAtStop(true);
  }

  async undo(): Promise<void> {
    await this.#removeMarker();
    this.#leaveAtStop(false);
  }

  /** After the owner has gone. */
  async finish(): Promise<void> {
    await this.#removeMarker();
  }

  /** Throws InputError `not_found` if there is none. */
  partition(): DrainedPartition {
    const { state, stateMs } = this.#entry();
    const isInactive = state === PartitionState.Inactive;
    return { state, inactiveSinceMs: isInactive ? stateMs : undefined };
  }

  /** Throws InputError for a partition that may not become Inactive now. */
  drain(): DrainedPartition {
    const { id } = this.#entry();
    changeState(this.map, id, PartitionState.Inactive, this.clock.now());
    return this.partition();
  }

  undrain(): DrainedPartition {
    const { id, state } = this.#entry();
    if (state === PartitionState.Inactive) {
      changeState(this.map, id, PartitionState.Active, this.clock.now());
    }
    return this.partition();
  }

  /** With the instance's name, for several may share a disk. */
  get #marker(): string {
    return `shutdown-requested-${encodeURIComponent(this.lifecycler.options.instance)}.txt`;
  }

  #entry(): PartitionEntry {
    const { partition } = this.lifecycler.options;
    const entry = partitionsOf(this.map).find(({ id }) => id === partition);
    if (entry !== undefined) return entry;
    throw new InputError("not_found", `there is no partition ${partition}`);
  }

  #leaveAtStop(isPrepared: boolean): void {
    this.lifecycler.createsPartition = !isPrepared;
    this.lifecycler.removesOwnerOnStop = isPrepared || this.removesOwnerOtherwise;
  }

  async #writeMarker(): Promise<void> {
    const file = await this.markers.open(this.#marker, "write");
    try {
      const text = `${new Date(this.clock.now()).toISOString()}\n`;
      await file.write(new TextEncoder().encode(text), 0);
      await file.sync();
    } finally {
      file.close();
    }
    await this.markers.sync();
  }

  async #removeMarker(): Promise<void> {
    if (!await this.isPrepared()) return;
    await this.markers.remove(this.#marker);
    await this.markers.sync();
  }
}
