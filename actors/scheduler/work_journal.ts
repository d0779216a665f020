// The scheduler's memory on its own disk: a checkpoint and the events since, each group synced before
// what it records is told to anybody.
//
//   work-0000000007.log   frame(checkpoint) frame([event, …]) frame([event, …]) …
//   frame: u32 length │ u32 crc32 of the text │ JSON, UTF-8          little-endian
//
// Rules: a torn frame at the very end was told to nobody and is dropped; whatever else cannot be read
// is set aside under its own name with `.damaged`, and what could be read before it still counts. Every
// opening begins a new file, so nothing is ever written behind a tear.
import { crc32 } from "node:zlib";
import { NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { Directory, File } from "../../lib/fs.ts";
import { type WorkEvent, type WorkSnapshot, WorkState } from "./work_state.ts";

const FORMAT = "segno-work/1";
const HEAD_BYTES = 8;
/** Of events: beyond it a new checkpoint is cheaper to read. */
const JOURNAL_BYTES_MAX = 1 << 20;
const FRAME_BYTES_MAX = 256 << 20;
const NAME = /^work-(\d{10})\.log$/;

export interface RecoveredWork {
  readonly state: WorkState;
  /** Files set aside, and why. */
  readonly damage: readonly string[];
}

export class WorkJournal implements AsyncDisposable {
  readonly #directory: Directory;
  readonly #lock: Disposable;
  #number: number;
  #file: File | undefined;
  #sizeBytes = 0;

  private constructor(directory: Directory, lock: Disposable, number: number) {
    this.#directory = directory;
    this.#lock = lock;
    this.#number = number;
  }

  /** What is there; `begin` must follow before anything can be appended. */
  static async open(directory: Directory): Promise<RecoveredWork & { journal: WorkJournal }> {
    using stack = new DisposableStack();
    const lock = stack.use(await directory.lock("work.lock"));
    const numbers = (await directory.list()).flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number).sort((a, b) => b - a);
    const damage: string[] = [];
    let state: WorkState | undefined;
    for (const number of numbers) {
      const read = readFrames(await contents(directory, nameOf(number)));
      if (read.problem !== undefined) {
        damage.push(`${directory.path}/${nameOf(number)}: ${read.problem}`);
        await directory.rename(nameOf(number), `${nameOf(number)}.damaged`);
      }
      state ??= read.state;
    }
    stack.move();
    const journal = new WorkJournal(directory, lock, numbers[0] ?? 0);
    return { journal, state: state ?? new WorkState(), damage };
  }

  /** A new file with all that is known; older ones go when it is durable. */
  async begin(state: WorkState): Promise<void> {
    await this.#written(async () => {
      this.#close();
      const before = (await this.#directory.list()).filter((name) => NAME.test(name));
      const frame = frameOf({ format: FORMAT, state: state.toSnapshot() });
      this.#file = await this.#directory.open(nameOf(++this.#number), "create");
      await this.#file.write(frame, 0);
      await this.#file.sync();
      await this.#directory.sync();
      this.#sizeBytes = frame.length;
      for (const name of before) await this.#directory.remove(name);
    });
  }

  /** Whether the next events should be preceded by a checkpoint. */
  get isLong(): boolean {
    return this.#file === undefined || this.#sizeBytes > JOURNAL_BYTES_MAX;
  }

  /** Resolves when the events survive a crash. After a failure `begin` must come first. */
  async append(events: readonly WorkEvent[]): Promise<void> {
    await this.#written(async () => {
      const frame = frameOf(events);
      await this.#file!.write(frame, this.#sizeBytes);
      await this.#file!.sync();
      this.#sizeBytes += frame.length;
    });
  }

  async #written(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#close();
      const message = `the scheduler's state cannot be written to ${this.#directory.path}`;
      throw new UnavailableError(message, { cause: error });
    }
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  // deno-lint-ignore require-await -- the interface is async
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    this.#lock[Symbol.dispose]();
  }
}

/** What a checkpoint holds, wherever it lies; undefined if it is none of ours. */
export function parseCheckpoint(value: unknown): WorkState | undefined {
  const { format, state } = (value ?? {}) as { format?: unknown; state?: WorkSnapshot };
  if (format !== FORMAT || state === undefined) return undefined;
  try {
    return WorkState.from(state);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

export function checkpointOf(state: WorkState): { format: string; state: WorkSnapshot } {
  return { format: FORMAT, state: state.toSnapshot() };
}

function readFrames(bytes: Uint8Array): { state: WorkState | undefined; problem?: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let state: WorkState | undefined;
  for (let at = 0; at < bytes.length;) {
    const size = at + HEAD_BYTES <= bytes.length ? view.getUint32(at, true) : Infinity;
    const end = at + HEAD_BYTES + size;
    const text = bytes.subarray(at + HEAD_BYTES, Math.min(end, bytes.length));
    // Where nothing was written zeros may be, and they are the checksum of nothing.
    const isWhole = size > 0 && end <= bytes.length && crc32(text) === view.getUint32(at + 4, true);
    if (!isWhole) {
      const isTear = end >= bytes.length || size === 0 || size > FRAME_BYTES_MAX;
      // A tear can only be where the file ends, and not in the checkpoint, which was synced first.
      const isTorn = isTear && state !== undefined;
      return isTorn ? { state } : { state, problem: `frame at byte ${at} is damaged` };
    }
    const value = JSON.parse(new TextDecoder().decode(text));
    if (state === undefined) {
      state = parseCheckpoint(value);
      if (state === undefined) return { state, problem: "it does not begin with a checkpoint" };
    } else for (const event of value as WorkEvent[]) state.apply(event);
    at = end;
  }
  return state === undefined ? { state, problem: "it is empty" } : { state };
}

function frameOf(value: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(value));
  const frame = new Uint8Array(HEAD_BYTES + text.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, crc32(text), true);
  frame.set(text, HEAD_BYTES);
  return frame;
}

const nameOf = (number: number) => `work-${String(number).padStart(10, "0")}.log`;

async function contents(directory: Directory, name: string): Promise<Uint8Array> {
  let file: File;
  try {
    file = await directory.open(name, "read");
  } catch (error) {
    if (error instanceof NotFoundError) return new Uint8Array(0);
    throw error;
  }
  try {
    const bytes = new Uint8Array(await file.sizeBytes());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    file.close();
  }
}
