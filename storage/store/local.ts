// Objects as files below a folder.
// Rule: what a write has resolved for survives a power cut, whole: bytes go to a temporary file,
// which is synced, renamed, and its folder synced, with every folder above that may be new.
// Temporaries lie in one folder of their own; those of a process that died are swept at open.
//
// Small reads are synchronous: 10 µs against 200 for a round trip through the thread pool, so a
// trace by id, some seventy pages, costs 2 ms and not 15.
import { dirname, join, resolve } from "node:path";
import { NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { checkKey, checkPrefix, RESERVED } from "./keys.ts";
import {
  type ByteRange,
  ExistsError,
  type Listing,
  type ObjectInfo,
  type ObjectStore,
  type ObjectWriter,
  type WriteOptions,
} from "./object_store.ts";

/** Reads up to this size block the thread; the time is that of copying from the page cache. */
const SYNC_BYTES_MAX = 1 << 18;

/** A temporary that nobody has written to for so long has lost its writer. */
const ABANDONED_MS = 10 * 60_000;

/** How often a write makes its folder again after someone else has removed it as empty. */
const FOLDER_ATTEMPTS_MAX = 5;

export interface LocalStoreOptions {
  /** Age from which temporaries are swept; ten minutes if left out. */
  readonly abandonedMs?: number;
}

export class LocalObjectStore implements ObjectStore {
  // Seeking costs nothing here, but each range is a system call of 4 µs, as much as 32 KiB of copying.
  readonly gapBytesMax = 1 << 15;
  /** Folders whose entry in their parent is known to be on disk. */
  readonly #durableFolders = new Set<string>();

  private constructor(readonly root: string) {}

  static async open(root: string, options: LocalStoreOptions = {}): Promise<LocalObjectStore> {
    // Absolute, for folders are followed upwards until the root: "./data" would never be met.
    const store = new LocalObjectStore(resolve(root));
    await translated(root, async () => {
      await Deno.mkdir(join(root, RESERVED), { recursive: true });
      await sweep(join(root, RESERVED), options.abandonedMs ?? ABANDONED_MS);
    });
    return store;
  }

  async read(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    checkKey(key);
    signal?.throwIfAborted();
    if (range === undefined) {
      return await translated(key, () => Deno.readFile(join(this.root, key)));
    }
    return (await this.readRanges(key, [range], signal))[0]!;
  }

  async readRanges(
    key: string,
    ranges: readonly ByteRange[],
    signal?: AbortSignal,
  ): Promise<Uint8Array[]> {
    checkKey(key);
    signal?.throwIfAborted();
    return await translated(key, async () => {
      using file = Deno.openSync(join(this.root, key));
      const parts: Uint8Array[] = [];
      let left: number | undefined;
      for (const { offset, sizeBytes } of ranges) {
        // A range may be a claim of damaged bytes: the file says how much there is to allocate.
        left ??= file.statSync().size;
        const bytes = new Uint8Array(Math.max(0, Math.min(sizeBytes, left - offset)));
        if (bytes.length <= SYNC_BYTES_MAX) fillSync(file, offset, bytes);
        else await fill(file, offset, bytes);
        parts.push(bytes);
      }
      return parts;
    });
  }

  async sizeBytes(key: string, signal?: AbortSignal): Promise<number> {
    checkKey(key);
    signal?.throwIfAborted();
    const info = await translated(key, () => Deno.stat(join(this.root, key)));
    if (!info.isFile) throw new NotFoundError(`no object ${key}`);
    return info.size;
  }

  async write(key: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const writer = await this.#openWriter(key, options);
    try {
      await writer.write(bytes);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    await writer.close();
  }

  openWriter(key: string): Promise<ObjectWriter> {
    return this.#openWriter(key, {});
  }

  async #openWriter(key: string, options: WriteOptions): Promise<LocalObjectWriter> {
    checkKey(key);
    const dir = join(this.root, RESERVED);
    return await translated(key, async () => {
      const path = await Deno.makeTempFile({ dir });
      const file = await Deno.open(path, { write: true });
      const place = (from: string) => this.#place(from, key, options);
      return new LocalObjectWriter(key, path, file, place);
    });
  }

  /** Gives a synced temporary its name, durably. */
  async #place(from: string, key: string, options: WriteOptions): Promise<void> {
    const to = join(this.root, key);
    const folder = dirname(to);
    for (let attempt = 1;; attempt++) {
      await Deno.mkdir(folder, { recursive: true });
      options.signal?.throwIfAborted();
      try {
        if (options.ifAbsent === true) await Deno.link(from, to);
        else await Deno.rename(from, to);
        break;
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists && options.ifAbsent === true) {
          throw new ExistsError(`object ${key} exists`);
        }
        // A delete in the same folder may just have removed it as empty.
        const isGone = error instanceof Deno.errors.NotFound && attempt < FOLDER_ATTEMPTS_MAX;
        if (!isGone) throw error;
        this.#durableFolders.delete(folder);
      }
    }
    await syncFolder(folder);
    await this.#makeDurable(folder);
    if (options.ifAbsent === true) await Deno.remove(from);
  }

  async #makeDurable(folder: string): Promise<void> {
    if (folder === this.root || this.#durableFolders.has(folder)) return;
    const parent = dirname(folder);
    await syncFolder(parent);
    await this.#makeDurable(parent);
    this.#durableFolders.add(folder);
  }

  async list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing> {
    checkPrefix(prefix);
    const objects: ObjectInfo[] = [];
    const prefixes: string[] = [];
    const cut = prefix.lastIndexOf("/") + 1;
    const visit = async (folder: string, begin: string): Promise<void> => {
      signal?.throwIfAborted();
      for (const entry of await entriesOf(join(this.root, folder))) {
        const key = folder + entry.name;
        if (!entry.name.startsWith(begin) || key === RESERVED) continue;
        if (!entry.isDirectory) {
          const info = await Deno.stat(join(this.root, key)).catch(ifMissing);
          if (info?.isFile) objects.push({ key, sizeBytes: info.size });
        } else if (delimiter === undefined) await visit(key + "/", "");
        else prefixes.push(key + "/");
      }
    };
    await translated(prefix, () => visit(prefix.slice(0, cut), prefix.slice(cut)));
    objects.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    return { objects, prefixes: prefixes.sort() };
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    checkKey(key);
    signal?.throwIfAborted();
    await translated(key, async () => {
      await Deno.remove(join(this.root, key)).catch(ifMissing);
      // Folders exist only for the objects in them.
      for (let folder = dirname(key); folder !== "."; folder = dirname(folder)) {
        const isRemoved = await Deno.remove(join(this.root, folder)).then(() => true, () => false);
        if (!isRemoved) break;
        this.#durableFolders.delete(join(this.root, folder));
      }
    });
  }
}

class LocalObjectWriter implements ObjectWriter {
  #isOpen = true;

  constructor(
    readonly key: string,
    readonly path: string,
    readonly file: Deno.FsFile,
    readonly place: (from: string) => Promise<void>,
  ) {}

  async write(bytes: Uint8Array): Promise<void> {
    await translated(this.key, async () => {
      for (let at = 0; at < bytes.length;) at += await this.file.write(bytes.subarray(at));
    });
  }

  async close(): Promise<void> {
    try {
      await translated(this.key, async () => {
        await this.file.sync();
        this.#release();
        await this.place(this.path);
      });
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    this.#release();
    await Deno.remove(this.path).catch(ifMissing);
  }

  #release(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }
}

function fillSync(file: Deno.FsFile, offset: number, bytes: Uint8Array): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) at += file.readSync(bytes.subarray(at)) ?? shrunk();
}

async function fill(file: Deno.FsFile, offset: number, bytes: Uint8Array): Promise<void> {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) at += await file.read(bytes.subarray(at)) ?? shrunk();
}

function shrunk(): never {
  throw new UnavailableError("an object became shorter while it was read");
}

async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}

async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function sweep(folder: string, abandonedMs: number): Promise<void> {
  // The file system's own clock, as its times are what ages are counted from.
  const probe = await Deno.makeTempFile({ dir: folder });
  const now = (await Deno.stat(probe)).mtime!.getTime();
  await Deno.remove(probe);
  for (const { name } of await entriesOf(folder)) {
    const path = join(folder, name);
    const modified = (await Deno.stat(path).catch(ifMissing))?.mtime?.getTime() ?? now;
    if (now - modified >= abandonedMs) await Deno.remove(path).catch(ifMissing);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

function ifMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

/** What the operating system says, as the kinds of failure this program knows. */
async function translated<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isMissing(error) || error instanceof Deno.errors.IsADirectory) {
      throw new NotFoundError(`no object ${key}`, { cause: error });
    }
    if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") {
      throw error;
    }
    const reason = error.code === "ENOSPC" ? "disk is full" : error.message;
    throw new UnavailableError(`object ${key}: ${reason}`, { cause: error });
  }
}
