// The door of storage: blocks, written and read, and the stores they lie in.
export { SPANS_PER_ROW_GROUP, writeBlock, type WriteBlockRequest } from "./block/block_writer.ts";
export type { CodecName } from "./parquet/compress.ts";
export type { ByteRange, Listing, ObjectInfo, ObjectStore, ObjectWriter, WriteOptions } from "./store/object_store.ts";
export { openStore, type StoreConfig } from "./store/open.ts";
