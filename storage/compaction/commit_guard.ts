// A store that looks once more before a block becomes visible: whoever was believed dead for so long
// that others have done its work finds out at its last step, and leaves nothing behind.
// Rule: between the look and the write there are milliseconds; what still slips through is two whole
// blocks, which storage/twins.ts and the planner set right.
import type {
  ByteRange,
  Listing,
  ObjectStore,
  ObjectWriter,
  WriteOptions,
} from "../store/object_store.ts";

export class CommitGuard implements ObjectStore {
  /** `check` rejects if `key`, the block's meta.json, must not be written any more. */
  constructor(
    readonly store: ObjectStore,
    readonly key: string,
    readonly check: () => Promise<void>,
  ) {}

  get gapBytesMax(): number {
    return this.store.gapBytesMax;
  }

  async write(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<void> {
    if (key === this.key) await this.check();
    await this.store.write(key, bytes, options);
  }

  read(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    return this.store.read(key, range, signal);
  }

  readRanges(
    key: string,
    ranges: readonly ByteRange[],
    signal?: AbortSignal,
  ): Promise<Uint8Array[]> {
    return this.store.readRanges(key, ranges, signal);
  }

  sizeBytes(key: string, signal?: AbortSignal): Promise<number> {
    return this.store.sizeBytes(key, signal);
  }

  openWriter(key: string): Promise<ObjectWriter> {
    return this.store.openWriter(key);
  }

  list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing> {
    return this.store.list(prefix, delimiter, signal);
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.store.delete(key, signal);
  }
}
