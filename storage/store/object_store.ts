// Where blocks live: named, immutable byte sequences.
// Rule: a write is durable and whole when it resolves, and invisible before.

/** A write with `ifAbsent` found an object already there. */
export class ExistsError extends Error {
  override readonly name = "ExistsError";
}

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
}

export interface Listing {
  readonly objects: readonly ObjectInfo[];
  /** With a delimiter: the distinct prefixes up to and including it, each once, ascending. */
  readonly prefixes: readonly string[];
}

export interface WriteOptions {
  /** Fails with ExistsError instead of replacing. */
  readonly ifAbsent?: boolean;
  readonly signal?: AbortSignal;
}

/** An object in the making; without `close` nothing of it is ever seen. */
export interface ObjectWriter {
  /** Takes the bytes before it resolves; the caller may then use the buffer again. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

export interface ByteRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Keys are `/`-separated and relative to the store's prefix; see docs/formats/block.md. */
export interface ObjectStore {
  /**
   * The object or a range of it, cut where the object ends; NotFoundError if there is none. The
   * bytes are the caller's own.
   */
  read(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * Several ranges at once, each as `read` gives it: cheaper than one by one. Those with a gap of up to
   * `gapBytesMax`, or up to the store's own, may be read as one.
   */
  readRanges(
    key: string,
    ranges: readonly ByteRange[],
    signal?: AbortSignal,
    gapBytesMax?: number,
  ): Promise<Uint8Array[]>;
  /** Ranges closer than this are better read as one, gap included. */
  readonly gapBytesMax: number;
  sizeBytes(key: string, signal?: AbortSignal): Promise<number>;
  write(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<void>;
  openWriter(key: string): Promise<ObjectWriter>;
  list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing>;
  /** Deleting what is not there is no error. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
}
