// What the pages of the rings and the administration of a downscale need of the process.
import type { JudgedInstance, PartitionState } from "../ring/mod.ts";

export interface RingsApi {
  readonly partitions: PartitionRingApi;
  readonly liveStores: InstanceRingApi;
  /** Absent: `/distributor/ring` does not exist. */
  readonly distributors?: InstanceRingApi | undefined;
  /** Absent: `/metrics-generator/ring` does not exist. */
  readonly generators?: InstanceRingApi | undefined;
  /** Absent: `/memberlist` does not exist, for this process is alone. */
  readonly memberlist?: MemberlistApi | undefined;
}

export interface RingPartition {
  readonly id: number;
  readonly state: PartitionState;
  readonly stateMs: number;
  readonly isLocked: boolean;
  /** Instances, ascending. */
  readonly owners: readonly string[];
  /** Ascending. */
  readonly tokens: Uint32Array;
}

export interface PartitionRingApi {
  partitions(): readonly RingPartition[];
  /** Throws InputError for a move that is not allowed. */
  changeState(partition: number, state: PartitionState): void;
  /** Throws InputError for a partition that is not there. */
  changeLock(partition: number, isLocked: boolean): void;
}

export interface InstanceRingApi {
  instances(): readonly JudgedInstance[];
  /** Throws InputError for an instance that is not there; one that lives comes back. */
  forget(id: string): void;
}

/** The members that keep the rings alike, and what they keep. */
export interface MemberlistApi {
  readonly name: string;
  readonly address: string;
  members(): readonly (JudgedInstance & { readonly ring: string })[];
  /** By the peer's names of keys. */
  keys(): readonly string[];
  /** Plain data; undefined for a key that is not there. */
  value(key: string): unknown;
}

/** Of one live-store. */
export interface DownscaleApi {
  isRunning(): boolean;
  /** These three throw InputError where that cannot be. */
  partition(): DrainedPartition;
  drain(): DrainedPartition;
  undrain(): DrainedPartition;
  isPrepared(): Promise<boolean>;
  /** Rejects with InputError `failed_precondition` unless the partition is Inactive. */
  prepare(): Promise<void>;
  undo(): Promise<void>;
}

export interface DrainedPartition {
  readonly state: PartitionState;
  readonly inactiveSinceMs: number | undefined;
}
