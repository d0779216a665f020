// What the processes of a simulated cluster stand on, and the rules that a test may have broken.
import type { Clock } from "../../lib/clock.ts";
import type { Directory, File } from "../../lib/fs.ts";
import type { Random } from "../../lib/random.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import type { Network } from "./cluster_network.ts";
import type { Place, Skew } from "./cluster_place.ts";
import { SimulatedStore } from "./cluster_store.ts";
import type { SimulatedTopic } from "./cluster_topic.ts";

export const TENANT = "single-tenant";

/** Each breaks one rule of the product, so that a checker can be seen to notice. */
export type BrokenRule =
  /** A distributor answers before the topic has the records. */
  | "acknowledges_at_once"
  /** A block-builder's writes to the bucket are answered before they are there. */
  | "commits_before_durable"
  /** A live-store lets its blocks go by age alone. */
  | "deletes_unbuilt_blocks"
  /** A live-store writes itself into the ring again though it was taken away. */
  | "ignores_removal"
  /** A second live-store of a zone owns the same partition. */
  | "owns_twice"
  /** A question leaves one partition out. */
  | "skips_a_partition"
  /** A question is answered by every owner of a partition. */
  | "asks_all_owners"
  /** A member takes nothing in that others say. */
  | "hears_nobody";

export interface Ground {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly topic: SimulatedTopic;
  readonly bucket: SimulatedStore;
  readonly seeds: readonly string[];
  readonly broken: BrokenRule | undefined;
}

/** What survives the lives of one process. */
export class Belongings {
  disk: SimulatedDisk;
  /** Blocks of a live-store. */
  folder: SimulatedStore;
  readonly skew: Skew;

  constructor(readonly clock: Clock, readonly random: Random) {
    this.disk = new SimulatedDisk(clock);
    this.folder = new SimulatedStore(clock, random, undefined);
    this.skew = { aheadMs: (random.next() - 0.5) * 1_000, rate: 1 + (random.next() - 0.5) * 2e-4 };
  }

  /** The machine is gone, and another takes its place. */
  lose(): void {
    this.disk = new SimulatedDisk(this.clock);
    this.folder = new SimulatedStore(this.clock, this.random, undefined);
  }

  /** The disk as one life sees it; of no use after the life has ended. */
  mount(place: Place): Directory {
    return aliveDirectory(place, this.disk.mount());
  }
}

function aliveDirectory(place: Place, directory: Directory): Directory {
  const aliveFile = (file: File): File => ({
    read: (into, at) => place.alive(file.read(into, at)),
    write: (bytes, at) => place.alive(file.write(bytes, at)),
    sync: () => place.alive(file.sync()),
    truncate: (sizeBytes) => place.alive(file.truncate(sizeBytes)),
    sizeBytes: () => place.alive(file.sizeBytes()),
    close: () => file.close(),
  });
  return {
    path: directory.path,
    open: (name, mode) => place.alive(directory.open(name, mode).then(aliveFile)),
    list: () => place.alive(directory.list()),
    rename: (from, to) => place.alive(directory.rename(from, to)),
    remove: (name) => place.alive(directory.remove(name)),
    sync: () => place.alive(directory.sync()),
    lock: (name) => place.alive(directory.lock(name)),
  };
}
