// The committed offsets of all consumer groups, in one small file that is replaced as a whole.
// Rules: a committed offset never moves back; a commit resolves when it survives a crash; commits
// that come while the file is being written go into the next one together.
//
//   { "version": 1, "checksum": crc32 of the text of "groups",
//     "groups": { "<group>": { "<partition>": offset } } }
import { crc32 } from "node:zlib";
import { CorruptionError, NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Directory } from "../lib/fs.ts";

const NAME = "groups.json";
const NEW_NAME = "groups.json.new";

type Groups = Record<string, Record<string, number>>;

export class GroupOffsets {
  readonly #directory: Directory;
  readonly #groups: Groups;
  /** Durable, as opposed to about to be. */
  #committed: Groups;
  #waiting: PromiseWithResolvers<void> | undefined;
  #writing: Promise<void> | undefined;

  private constructor(directory: Directory, groups: Groups) {
    this.#directory = directory;
    this.#groups = groups;
    this.#committed = structuredClone(groups);
  }

  /** A damaged file is set aside: its consumers read again from the start of what is kept. */
  static async open(
    directory: Directory,
    onDamage: (error: CorruptionError) => void,
  ): Promise<GroupOffsets> {
    try {
      return new GroupOffsets(directory, parse(await readText(directory, NAME)));
    } catch (error) {
      if (error instanceof NotFoundError) return new GroupOffsets(directory, {});
      if (!(error instanceof CorruptionError)) throw error;
      onDamage(new CorruptionError(error.reason, error.offset, `${directory.path}/${NAME}`));
      await directory.rename(NAME, `${NAME}.damaged`);
      return new GroupOffsets(directory, {});
    }
  }

  committed(group: string, partition: number): number | undefined {
    return this.#committed[group]?.[partition];
  }

  get isAny(): boolean {
    return Object.keys(this.#committed).length > 0;
  }

  /** The highest of any group. */
  highest(partition: number): number {
    return Math.max(0, ...Object.values(this.#committed).map((offsets) => offsets[partition] ?? 0));
  }

  commit(group: string, partition: number, offset: number): Promise<void> {
    if (offset <= (this.committed(group, partition) ?? -1)) return Promise.resolve();
    const offsets = this.#groups[group] ??= {};
    offsets[partition] = Math.max(offset, offsets[partition] ?? 0);
    this.#waiting ??= Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#writing ??= this.#writeWhileWaiting();
    return promise;
  }

  /** Resolves when nothing is being written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async #writeWhileWaiting(): Promise<void> {
    await Promise.resolve(); // commits of the same turn come along
    while (this.#waiting !== undefined) {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      const groups = structuredClone(this.#groups);
      try {
        await this.#write(groups);
        this.#committed = groups;
        waiting.resolve();
      } catch (error) {
        const message = `committed offsets cannot be written to ${this.#directory.path}/${NAME}`;
        waiting.reject(new UnavailableError(message, { cause: error }));
      }
    }
    this.#writing = undefined;
  }

  async #write(groups: Groups): Promise<void> {
    const text = JSON.stringify(groups);
    const whole = `{"version":1,"checksum":${crc32(text)},"groups":${text}}\n`;
    const bytes = new TextEncoder().encode(whole);
    const file = await this.#directory.open(NEW_NAME, "write");
    try {
      await file.truncate(0);
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      file.close();
    }
    await this.#directory.rename(NEW_NAME, NAME);
    await this.#directory.sync();
  }
}

async function readText(directory: Directory, name: string): Promise<string> {
  const file = await directory.open(name, "read");
  try {
    const bytes = new Uint8Array(await file.sizeBytes());
    await file.read(bytes, 0);
    return new TextDecoder().decode(bytes);
  } finally {
    file.close();
  }
}

function parse(text: string): Groups {
  try {
    const { checksum, groups } = JSON.parse(text) as { checksum: number; groups: Groups };
    if (crc32(JSON.stringify(groups)) === checksum) return groups;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new CorruptionError("committed offsets are not what was written", 0);
}
