// A disk in memory that forgets what it may. After `crash`, of everything written since a file's last
// sync any sectors may be there and any not, its size anything between, and of the names changed
// since the directory's last sync any may be old again. A failed sync drops what it should have
// written for good, as Linux does, although reads still show it until the crash.
import type { Clock } from "./clock.ts";
import { NotFoundError, UnavailableError } from "./errors.ts";
import type { Directory, File, OpenMode } from "./fs.ts";
import type { Random } from "./random.ts";
import { sleep } from "./waiting.ts";

export interface DiskOperation {
  readonly kind:
    | "open"
    | "read"
    | "write"
    | "sync"
    | "truncate"
    | "list"
    | "rename"
    | "remove"
    | "sync_directory";
  readonly name: string;
}

const SECTOR_BYTES = 512;
const NEVER = new AbortController().signal;

interface Inode {
  /** As the running system sees it. */
  cached: Uint8Array;
  durable: Uint8Array;
  /** Sectors that the next sync would write. */
  dirty: Set<number>;
  /** Sectors that a failed sync has given up. */
  lost: Set<number>;
}

type Names = Map<string, Inode>;

export class SimulatedDisk {
  capacityBytes = Infinity;
  /** Awaited before each operation; what it throws is what the operation fails with. */
  before: ((operation: DiskOperation) => void | Promise<void>) | undefined;
  /** How long a sync takes, on the clock. */
  syncMs = 0;
  readonly #clock: Clock | undefined;
  #names: Names = new Map();
  #durableNames: Names = new Map();
  /** Changes of names since the last sync of the directory. */
  #changes: ((names: Names) => void)[] = [];
  #boot = 0;
  #locks = new Set<string>();

  constructor(clock?: Clock) {
    this.#clock = clock;
  }

  /** The directory as a program started now sees it; of no use after the next crash. */
  mount(): Directory {
    const boot = this.#boot;
    const step = <T>(kind: DiskOperation["kind"], name: string, effect: () => T) =>
      this.#step(boot, kind, name, effect);
    return {
      path: "/simulated",
      open: (name, mode) => step("open", name, () => this.#open(boot, name, mode)),
      list: () => step("list", "", () => [...this.#names.keys()]),
      rename: (from, to) =>
        step("rename", from, () => {
          const inode = this.#inode(from);
          this.#change((names) => {
            names.set(to, inode);
            if (names.get(from) === inode) names.delete(from);
          });
        }),
      remove: (name) =>
        step("remove", name, () => {
          const inode = this.#inode(name);
          this.#change((names) => {
            if (names.get(name) === inode) names.delete(name);
          });
        }),
      sync: () =>
        step("sync_directory", "", () => {
          this.#durableNames = new Map(this.#names);
          this.#changes = [];
        }),
      lock: (name) => {
        if (this.#locks.has(name)) throw new UnavailableError(`${name} is held`);
        this.#locks.add(name);
        const unlock = () => boot === this.#boot && this.#locks.delete(name);
        return Promise.resolve({ [Symbol.dispose]: () => void unlock() });
      },
    };
  }

  /** The program is killed: its files are dead, but what it wrote is still in the page cache. */
  kill(): void {
    this.#boot++;
    this.#locks.clear();
  }

  /** Power is cut: every mounted directory and open file is dead from now on. */
  crash(random: Random): void {
    this.kill();
    const keepChance = [0, 0.5, 1][Math.floor(random.next() * 3)]!;
    const keeps = () => random.next() < keepChance;
    for (const change of this.#changes) if (keeps()) change(this.#durableNames);
    this.#changes = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of new Set(this.#names.values())) {
      const after = crashed(inode, keeps, random);
      Object.assign(inode, {
        cached: after,
        durable: after.slice(),
        dirty: new Set(),
        lost: new Set(),
      });
    }
  }

  get usedBytes(): number {
    return [...this.#names.values()].reduce((sum, { cached }) => sum + cached.length, 0);
  }

  names(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** A copy of a file as the running system sees it. */
  contents(name: string): Uint8Array {
    return this.#inode(name).cached.slice();
  }

  /** Bit rot. */
  flip(name: string, at: number, mask = 0xff): void {
    const inode = this.#inode(name);
    for (const bytes of [inode.cached, inode.durable]) {
      if (at < bytes.length) bytes[at]! ^= mask;
    }
  }

  /** The effect happens in the same turn as the last look at the power. */
  async #step<T>(
    boot: number,
    kind: DiskOperation["kind"],
    name: string,
    effect: () => T,
  ): Promise<T> {
    await Promise.resolve(); // as if it went to another thread
    if (boot === this.#boot) await this.before?.({ kind, name });
    if (kind === "sync" && this.#clock && this.syncMs > 0) {
      await sleep(this.#clock, this.syncMs, NEVER);
    }
    if (boot !== this.#boot) throw new Error("the program was killed");
    return effect();
  }

  #open(boot: number, name: string, mode: OpenMode): File {
    const exists = this.#names.has(name);
    if (mode === "create" && exists) throw new Error(`${name} exists`);
    if (mode !== "read" && !exists) {
      const empty = new Uint8Array(0);
      const inode = {
        cached: empty,
        durable: empty,
        dirty: new Set<number>(),
        lost: new Set<number>(),
      };
      this.#change((names) => names.set(name, inode));
    }
    return this.#file(boot, name, this.#inode(name));
  }

  #file(boot: number, name: string, inode: Inode): File {
    const step = <T>(kind: DiskOperation["kind"], effect: () => T) =>
      this.#step(boot, kind, name, effect);
    return {
      read: (into, at) =>
        step("read", () => {
          const found = inode.cached.subarray(at, at + into.length);
          into.set(found);
          return found.length;
        }),
      write: async (bytes, at) => {
        let isTried = false;
        try {
          await step("write", () => {
            isTried = true;
            this.#write(inode, bytes, at);
          });
        } catch (error) {
          // A write that fails may have been done in part.
          const part = bytes.subarray(0, bytes.length >> 1);
          if (!isTried && boot === this.#boot) this.#write(inode, part, at);
          throw error;
        }
      },
      sync: async () => {
        try {
          await step("sync", () => flush(inode));
        } catch (error) {
          if (boot === this.#boot) giveUp(inode);
          throw error;
        }
      },
      truncate: (sizeBytes) =>
        step("truncate", () => {
          const before = inode.cached;
          inode.cached = resized(before, sizeBytes);
          touch(inode, Math.min(sizeBytes, before.length), Math.max(sizeBytes, before.length));
        }),
      sizeBytes: () => step("read", () => inode.cached.length),
      close: () => {},
    };
  }

  #write(inode: Inode, bytes: Uint8Array, at: number): void {
    const growth = Math.max(0, at + bytes.length - inode.cached.length);
    const free = Math.max(0, this.capacityBytes - this.usedBytes);
    const fitting = bytes.subarray(0, Math.max(0, bytes.length - Math.max(0, growth - free)));
    if (at + fitting.length > inode.cached.length) {
      inode.cached = resized(inode.cached, at + fitting.length);
    }
    inode.cached.set(fitting, at);
    touch(inode, at, at + fitting.length);
    if (fitting.length < bytes.length) {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    }
  }

  #change(change: (names: Names) => void): void {
    change(this.#names);
    this.#changes.push(change);
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw new NotFoundError(`there is no file ${name}`);
    return inode;
  }
}

function touch({ dirty, lost }: Inode, from: number, to: number): void {
  for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector++) {
    dirty.add(sector);
    lost.delete(sector);
  }
}

function flush(inode: Inode): void {
  const durable = resized(inode.durable, inode.cached.length);
  for (const sector of inode.dirty) copySector(inode.cached, durable, sector);
  inode.durable = durable;
  inode.dirty.clear();
}

function giveUp({ dirty, lost }: Inode): void {
  for (const sector of dirty) lost.add(sector);
  dirty.clear();
}

function crashed(inode: Inode, keeps: () => boolean, random: Random): Uint8Array {
  const { cached, durable, dirty } = inode;
  const span = cached.length - durable.length;
  const part = keeps() ? 1 : keeps() ? random.next() : 0;
  const size = durable.length + Math.round(span * part);
  const after = resized(durable, dirty.size === 0 && span === 0 ? durable.length : size);
  for (const sector of dirty) if (keeps()) copySector(cached, after, sector);
  return after;
}

function copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
  const at = sector * SECTOR_BYTES;
  if (at < to.length) to.set(from.subarray(at, Math.min(at + SECTOR_BYTES, to.length)), at);
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}
