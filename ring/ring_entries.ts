// The entries of the replicated map that make up the rings: what their ids and values are.
//
//   i/<ring>/<instance>   an instance of a ring, with a heartbeat
//   p/<partition>         a partition: its state, which is also the rank
//   l/<partition>         whether its state may change
//   o/<instance>          which partition an instance owns
//
// State and lock of a partition are apart, because they are changed by different hands and each keeps
// the newest.
import { InputError } from "../lib/errors.ts";
import { PartitionState } from "./partition_ring.ts";
import { isTombstone, type ReplicatedMap } from "./gossip/replicated_map.ts";

/** The ring of processes that are in no other: it is how the rest find their addresses. */
export const MEMBERS_RING = "members";

/** The ring of those who own partitions. */
export const LIVE_STORE_RING = "live-store";

export type InstanceState = "JOINING" | "ACTIVE" | "LEAVING";

/** Of equal timestamps the later phase of life wins. */
const INSTANCE_RANK: Readonly<Record<InstanceState, number>> = {
  JOINING: 1,
  ACTIVE: 2,
  LEAVING: 3,
};

export interface Instance {
  readonly id: string;
  readonly state: InstanceState;
  /** Where it answers calls. */
  readonly address: string;
  readonly zone: string;
  readonly registeredMs: number;
  /** Where it gossips. */
  readonly gossip: string;
}

export interface PartitionEntry {
  readonly id: number;
  readonly state: PartitionState;
  readonly stateMs: number;
  readonly isLocked: boolean;
  /** Ascending. */
  readonly owners: readonly Owner[];
}

export interface Owner {
  readonly instance: string;
  readonly partition: number;
  /** Since when it owns it. */
  readonly updatedMs: number;
}

export const instanceId = (ring: string, instance: string) => `i/${ring}/${instance}`;
const partitionId = (partition: number) => `p/${partition}`;
const lockId = (partition: number) => `l/${partition}`;
const ownerId = (instance: string) => `o/${instance}`;

export function writeInstance(
  map: ReplicatedMap,
  ring: string,
  { id, ...value }: Instance,
  nowMs: number,
): void {
  map.write(instanceId(ring, id), nowMs, INSTANCE_RANK[value.state], JSON.stringify(value));
}

export function readInstance(map: ReplicatedMap, ring: string, id: string): Instance | undefined {
  const text = map.value(instanceId(ring, id));
  if (text === undefined) return undefined;
  // Another version may write less; what is missing is empty, and a state unknown to us is none to use.
  const value = JSON.parse(text) as Partial<Record<keyof Instance, unknown>>;
  return {
    id,
    state: String(value.state ?? "JOINING") as InstanceState,
    address: String(value.address ?? ""),
    zone: String(value.zone ?? ""),
    registeredMs: Number(value.registeredMs ?? 0),
    gossip: String(value.gossip ?? ""),
  };
}

/** Whether it was there. Who is of those that own partitions owns none any more. */
export function removeInstance(
  map: ReplicatedMap,
  ring: string,
  instance: string,
  nowMs: number,
): boolean {
  const id = instanceId(ring, instance);
  if (map.value(id) === undefined) return false;
  map.remove(id, nowMs);
  if (ring === LIVE_STORE_RING) removeOwner(map, instance, nowMs);
  return true;
}

export function instancesOf(map: ReplicatedMap, ring: string): Instance[] {
  const prefix = instanceId(ring, "");
  return map.beating.filter((id) => id.startsWith(prefix))
    .map((id) => readInstance(map, ring, id.slice(prefix.length))!);
}

/**
 * Makes a partition that nobody has heard of, Pending. Whoever starts before it has met the others must
 * not overrule what they know: an entry of the first moment loses against any other but a tombstone
 * that is known.
 */
export function createPartition(map: ReplicatedMap, partition: number, nowMs: number): void {
  const id = partitionId(partition);
  const known = map.get(id);
  if (known !== undefined && !isTombstone(known)) return;
  const value = JSON.stringify({ state: PartitionState.Pending, sinceMs: nowMs });
  const timestampMs = (known?.timestampMs ?? 0) + 1;
  map.merge(id, { timestampMs, rank: PartitionState.Pending, value });
}

/**
 * Pending becomes Active. Still of the first moment: whoever was alone until now does not overrule that the
 * partition is being drained.
 */
export function activatePartition(map: ReplicatedMap, partition: number, nowMs: number): void {
  const id = partitionId(partition);
  const state = PartitionState.Active;
  const value = JSON.stringify({ state, sinceMs: nowMs });
  map.merge(id, { timestampMs: map.get(id)!.timestampMs + 1, rank: state, value });
}

export function writePartition(
  map: ReplicatedMap,
  partition: number,
  state: PartitionState,
  nowMs: number,
): void {
  map.write(partitionId(partition), nowMs, state, JSON.stringify({ state }));
}

export function removePartition(map: ReplicatedMap, partition: number, nowMs: number): void {
  map.remove(partitionId(partition), nowMs);
  map.remove(lockId(partition), nowMs);
}

export function writeLock(
  map: ReplicatedMap,
  partition: number,
  isLocked: boolean,
  nowMs: number,
): void {
  map.write(lockId(partition), nowMs, isLocked ? 1 : 0, JSON.stringify({ isLocked }));
}

/** Writing what is there already would begin its time anew. */
export function writeOwner(
  map: ReplicatedMap,
  instance: string,
  partition: number,
  nowMs: number,
): void {
  const value = JSON.stringify({ partition });
  if (map.value(ownerId(instance)) !== value) map.write(ownerId(instance), nowMs, 1, value);
}

export function removeOwner(map: ReplicatedMap, instance: string, nowMs: number): void {
  map.remove(ownerId(instance), nowMs);
}

export function partitionsOf(map: ReplicatedMap): PartitionEntry[] {
  const owners = Map.groupBy(ownersOf(map), ({ partition }) => partition);
  const partitions: PartitionEntry[] = [];
  for (const [id, { timestampMs, rank }] of map.entries()) {
    const text = map.value(id);
    const partition = Number(id.slice(2));
    if (!id.startsWith("p/") || text === undefined || !Number.isSafeInteger(partition)) continue;
    if (PartitionState[rank] === undefined) continue;
    partitions.push({
      id: partition,
      state: rank as PartitionState,
      stateMs: (JSON.parse(text) as { sinceMs?: number }).sinceMs ?? timestampMs,
      isLocked: map.value(lockId(partition)) === '{"isLocked":true}',
      owners: (owners.get(partition) ?? []).sort((a, b) => a.instance < b.instance ? -1 : 1),
    });
  }
  return partitions.sort((a, b) => a.id - b.id);
}

function ownersOf(map: ReplicatedMap): Owner[] {
  const owners: Owner[] = [];
  for (const [id, { timestampMs }] of map.entries()) {
    const text = map.value(id);
    if (!id.startsWith("o/") || text === undefined) continue;
    const { partition } = JSON.parse(text) as { partition: number };
    owners.push({ instance: id.slice(2), partition, updatedMs: timestampMs });
  }
  return owners;
}

/** The partition of an instance is the number at the end of its name, as in a StatefulSet. */
export function partitionOfInstance(instance: string): number {
  const ordinal = /-(\d{1,9})$/.exec(instance)?.[1];
  if (ordinal === undefined) {
    throw new InputError(
      "failed_precondition",
      `live_store.ring.instance_id: ${
        JSON.stringify(instance)
      } does not end in -<number>, which says what partition it owns`,
    );
  }
  return Number(ordinal);
}

/** The moves that a partition may make; everything else is refused. */
export function mayMove(from: PartitionState, to: PartitionState): boolean {
  const { Pending, Active, Inactive } = PartitionState;
  if (from === Pending) return to === Active || to === Inactive;
  return from === Active ? to === Inactive : to === Active;
}
