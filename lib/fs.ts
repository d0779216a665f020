// Files as durable logs need them: one flat directory, positioned reads and writes, and the two
// kinds of sync. Rule: what was not synced may be lost, contents and names separately; the disk of
// simulated_disk.ts makes use of that licence.
import { dirname } from "node:path";
import { NotFoundError, UnavailableError } from "./errors.ts";

/** `create` refuses a name that exists; `write` takes it as it is, or creates it. */
export type OpenMode = "read" | "create" | "write";

/** One operation at a time; whoever opened it closes it. */
export interface File {
  /** Fills `into` from `at` and returns how many bytes there were: fewer only at the end. */
  read(into: Uint8Array, at: number): Promise<number>;
  /** Writes all of `bytes` at `at`, or fails with some of them written. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Contents and size are on the disk when it resolves; the name is the directory's concern. */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): void;
}

export interface Directory {
  /** Where it is, for messages. */
  readonly path: string;
  /** Throws NotFoundError when there is nothing to read. */
  open(name: string, mode: OpenMode): Promise<File>;
  list(): Promise<string[]>;
  /** Replaces `to` in one step. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Names created, renamed and removed so far are on the disk when it resolves. */
  sync(): Promise<void>;
  /** Throws UnavailableError while another owner has it; the lock ends with its file or process. */
  lock(name: string): Promise<Disposable>;
}

export class OsDirectory implements Directory {
  private constructor(readonly path: string) {}

  /** Creates the directory where there is none. */
  static async open(path: string): Promise<OsDirectory> {
    await createDirectory(path);
    return new OsDirectory(path);
  }

  async open(name: string, mode: OpenMode): Promise<File> {
    const path = `${this.path}/${name}`;
    const options: Deno.OpenOptions = mode === "read"
      ? { read: true }
      : { read: true, write: true, create: true, createNew: mode === "create" };
    return new OsFile(await named(path, Deno.open(path, options)));
  }

  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.path)) if (entry.isFile) names.push(entry.name);
    return names;
  }

  rename(from: string, to: string): Promise<void> {
    return named(from, Deno.rename(`${this.path}/${from}`, `${this.path}/${to}`));
  }

  remove(name: string): Promise<void> {
    return named(name, Deno.remove(`${this.path}/${name}`));
  }

  sync(): Promise<void> {
    return syncDirectory(this.path);
  }

  async lock(name: string): Promise<Disposable> {
    const path = `${this.path}/${name}`;
    const file = await Deno.open(path, { read: true, write: true, create: true });
    if (!await file.tryLock(true)) {
      file.close();
      throw new UnavailableError(`${path} is held by another process`);
    }
    return { [Symbol.dispose]: () => file.close() };
  }
}

/** Copying this much to the page cache takes 40 µs, a round trip through the thread pool 100. */
const SYNC_BYTES_MAX = 1 << 18;

class OsFile implements File {
  #position = -1;

  constructor(readonly file: Deno.FsFile) {}

  async read(into: Uint8Array, at: number): Promise<number> {
    this.#seek(at);
    let done = 0;
    while (done < into.length) {
      const size = await this.file.read(into.subarray(done));
      if (size === null) break;
      done += size;
    }
    this.#position = at + done;
    return done;
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    this.#seek(at);
    const isSmall = bytes.length <= SYNC_BYTES_MAX;
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.subarray(done);
      done += isSmall ? this.file.writeSync(rest) : await this.file.write(rest);
    }
    this.#position = at + bytes.length;
  }

  sync(): Promise<void> {
    return this.file.syncData();
  }

  truncate(sizeBytes: number): Promise<void> {
    this.#position = -1;
    return this.file.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return (await this.file.stat()).size;
  }

  close(): void {
    this.file.close();
  }

  /** Unknown while an operation is under way, so that a failed one is not trusted. */
  #seek(at: number): void {
    if (this.#position !== at) this.file.seekSync(at, Deno.SeekMode.Start);
    this.#position = -1;
  }
}

/** Each new name is made durable in its parent: the files within hang on all of them. */
async function createDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await createDirectory(dirname(path));
    await Deno.mkdir(path);
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await Deno.open(path);
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

async function named<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new NotFoundError(`there is no file ${path}`, { cause: error });
    }
    throw error;
  }
}
