// The bytes of a block's data, by ranges: from the caches of their roles, from what was read ahead, or
// from the store. Rule: nothing here is decoded, so what is kept is small and can be shared.
// The end of a file is read with a piece before it, for that is where the page indexes lie, and whoever
// opens a block asks for them next.
import type { ByteSource, FilePart } from "../parquet/file.ts";
import type { RoleCaches } from "../cache/open_caches.ts";
import type { CacheRole } from "../cache/roles.ts";

const ROLE: Readonly<Record<FilePart, CacheRole>> = {
  "footer": "parquet-footer",
  "offset-index": "parquet-offset-idx",
  "column-index": "parquet-column-idx",
  "row-ids": "trace-id-index",
  "page": "parquet-page",
};

/**
 * The page indexes of our blocks are a third of the footer, for every column has one, and 0.3% of the
 * file, for its pages; those of others may be as large as their footer. A little more is read ahead.
 */
const AHEAD_OF_FOOTER = 1;
const AHEAD_OF_FILE = 0.004;

/** What was read of a block before anybody asked for it; shared by all sources of the block. */
export interface ReadAhead {
  offset: number;
  bytes: Uint8Array;
}

export function nothingAhead(): ReadAhead {
  return { offset: 0, bytes: new Uint8Array(0) };
}

export class RangeSource implements ByteSource {
  /** `name` is the block's, unique among all that the caches know; none are asked where there are none. */
  constructor(
    readonly store: ByteSource,
    readonly aheadBytesMax: number,
    readonly ahead: ReadAhead,
    readonly name: string,
    readonly caches: RoleCaches | undefined,
  ) {}

  get sizeBytes(): number {
    return this.store.sizeBytes;
  }

  read(offset: number, sizeBytes: number, part: FilePart = "page"): Promise<Uint8Array> {
    if (sizeBytes === 0) return Promise.resolve(new Uint8Array(0));
    if (this.caches?.isDistrusted(this.name)) return this.store.read(offset, sizeBytes);
    const load = () => this.#load(offset, sizeBytes, part);
    if (this.caches === undefined) return load();
    return this.caches.of(ROLE[part]).through(`${this.name}${offset}+${sizeBytes}`, load);
  }

  async #load(offset: number, sizeBytes: number, part: FilePart): Promise<Uint8Array> {
    const { ahead } = this;
    const at = offset - ahead.offset;
    if (at >= 0 && at + sizeBytes <= ahead.bytes.length) {
      return ahead.bytes.subarray(at, at + sizeBytes);
    }
    if (part !== "footer" || offset + sizeBytes < this.sizeBytes) {
      return await this.store.read(offset, sizeBytes);
    }
    const indexes = Math.ceil(sizeBytes * AHEAD_OF_FOOTER + this.sizeBytes * AHEAD_OF_FILE);
    const before = Math.min(offset, this.aheadBytesMax, indexes);
    const tail = await this.store.read(offset - before, before + sizeBytes);
    ahead.offset = offset - before;
    ahead.bytes = tail.slice(0, before);
    return tail.subarray(before);
  }
}
