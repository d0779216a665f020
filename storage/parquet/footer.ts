// The end of a file: column indexes of columns with bounds, offset indexes of all, then the metadata.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift

import { crc32 } from "node:zlib";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { compareBytes } from "../../lib/compare_bytes.ts";
import { type ColumnChunk, encodingNumber, type PageBounds } from "./column_chunk.ts";
import { ThriftType, ThriftWriter } from "./thrift_writer.ts";
import { type Group, type Leaf, leavesOf, Repetition } from "../block/schema.ts";

const encoder = new TextEncoder();
export const MAGIC = encoder.encode("PAR1");

export const physicalType = {
  bool: 0,
  i32: 1,
  u32: 1,
  i64: 2,
  u64: 2,
  double: 5,
  string: 6,
  bytes: 6,
} as const;
const convertedType = {
  string: 0,
  u32: 13,
  u64: 14,
  i32: 17,
  i64: 18,
} as const;
/** Converted type, and field of the logical type's union. */
const annotations = { map: { converted: 1, logical: 2 }, list: { converted: 3, logical: 3 } };
const ENCODING_RLE = 3;
const ENCODING_PLAIN = 0;
const ORDER_UNKNOWN = 0;
/** The one bounded column of bytes is that of trace ids, by which rows are sorted. */
const ORDER_ASCENDING = 1;
const NONE = new Uint8Array(0);

export interface Footer {
  readonly bytes: Uint8Array;
  /** Length of the file metadata alone; Tempo's meta.json wants it. */
  readonly metadataBytes: number;
  readonly checksums: FooterChecksums;
}

/** What Parquet has no checksum for, though everything is found by it: CRC-32 as natural numbers. */
export interface FooterChecksums {
  /** Of the file metadata. */
  readonly footer: number;
  /** Of the offset indexes of each row group, which lie end to end. */
  readonly offsetIndexes: readonly number[];
}

export interface WrittenRowGroup {
  readonly chunks: readonly ColumnChunk[];
  readonly rows: number;
  readonly fileOffset: number;
}

export function parquetFooter(
  schema: Group,
  rowGroups: readonly WrittenRowGroup[],
  fileOffset: number,
): Footer {
  const out = new ByteWriter(1 << 16);
  const allChunks = rowGroups.flatMap(({ chunks }) => chunks);
  const columnIndexes = allChunks.map((chunk) => {
    const start = out.length;
    if (chunk.leaf.hasBounds) writeColumnIndex(out, chunk);
    return { offset: fileOffset + start, sizeBytes: out.length - start };
  });
  const indexSums: number[] = [];
  const offsetIndexes = rowGroups.flatMap(({ chunks }) => {
    const groupStart = out.length;
    const indexes = chunks.map((chunk) => {
      const start = out.length;
      writeOffsetIndex(out, chunk);
      return { offset: fileOffset + start, sizeBytes: out.length - start };
    });
    indexSums.push(crc32(out.bytes.subarray(groupStart, out.length)));
    return indexes;
  });

  const metadataStart = out.length;
  const thrift = new ThriftWriter(out);
  thrift.bareStruct(() => {
    thrift.i32(1, 2);
    thrift.list(
      2,
      ThriftType.Struct,
      flattened(schema),
      (node) => writeSchemaNode(thrift, node, node === schema),
    );
    thrift.i64(3, sum(rowGroups, ({ rows }) => rows));
    let firstChunk = 0;
    thrift.list(
      4,
      ThriftType.Struct,
      rowGroups,
      ({ chunks, rows, fileOffset }) =>
        thrift.bareStruct(() => {
          thrift.list(1, ThriftType.Struct, [...chunks.keys()], (i) =>
            thrift.bareStruct(() => {
              const chunk = chunks[i]!;
              thrift.i64(2, firstOffset(chunk));
              thrift.struct(3, () => writeColumnMetadata(thrift, chunk));
              const offsetIndex = offsetIndexes[firstChunk + i]!;
              const columnIndex = columnIndexes[firstChunk + i]!;
              thrift.i64(4, offsetIndex.offset);
              thrift.i32(5, offsetIndex.sizeBytes);
              if (columnIndex.sizeBytes > 0) {
                thrift.i64(6, columnIndex.offset);
                thrift.i32(7, columnIndex.sizeBytes);
              }
            }));
          thrift.i64(2, sum(chunks, (chunk) => chunk.uncompressedBytes));
          thrift.i64(3, rows);
          thrift.i64(5, fileOffset);
          thrift.i64(6, sum(chunks, (chunk) => chunk.compressedBytes));
          firstChunk += chunks.length;
        }),
    );
    thrift.string(6, "segno");
    // Without this, readers do not trust bounds: they would not know by which order they were taken.
    thrift.list(7, ThriftType.Struct, leavesOf(schema), () => {
      thrift.bareStruct(() => thrift.struct(1, () => {}));
    });
  });
  const metadataBytes = out.length - metadataStart;
  const footer = crc32(out.bytes.subarray(metadataStart, out.length));
  out.u32(metadataBytes);
  out.append(MAGIC);
  return { bytes: out.copy(), metadataBytes, checksums: { footer, offsetIndexes: indexSums } };
}

function writeColumnMetadata(thrift: ThriftWriter, chunk: ColumnChunk): void {
  const { leaf } = chunk;
  const encodings = [ENCODING_RLE, encodingNumber[chunk.encoding]];
  if (chunk.encoding === "dictionary") encodings.push(ENCODING_PLAIN);
  thrift.i32(1, physicalType[leaf.type]);
  thrift.list(2, ThriftType.I32, encodings, (encoding) => thrift.out.zigzag(encoding));
  thrift.list(3, ThriftType.Binary, leaf.path, (name) => thrift.bareBinary(encoder.encode(name)));
  thrift.i32(4, chunk.codec);
  thrift.i64(5, chunk.valueCount);
  thrift.i64(6, chunk.uncompressedBytes);
  thrift.i64(7, chunk.compressedBytes);
  thrift.i64(9, chunk.pages[0]!.offset);
  if (chunk.dictionaryOffset >= 0) thrift.i64(11, chunk.dictionaryOffset);
  const bounds = chunkBounds(chunk);
  if (bounds !== undefined) {
    thrift.struct(12, () => {
      thrift.i64(3, sum(chunk.pages, ({ nullCount }) => nullCount));
      thrift.binary(5, bounds.max);
      thrift.binary(6, bounds.min);
    });
  }
}

/** Those of all pages together. */
function chunkBounds({ leaf, pages }: ColumnChunk): PageBounds | undefined {
  let all: PageBounds | undefined;
  for (const { bounds } of pages) {
    if (bounds === undefined) continue;
    all = all === undefined ? bounds : {
      min: compareBounds(leaf, bounds.min, all.min) < 0 ? bounds.min : all.min,
      max: compareBounds(leaf, bounds.max, all.max) > 0 ? bounds.max : all.max,
    };
  }
  return all;
}

/** Parquet's order of the type: bytes as they stand, integers signed or not. */
function compareBounds(leaf: Leaf, a: Uint8Array, b: Uint8Array): number {
  if (leaf.type === "bytes" || leaf.type === "string") return compareBytes(a, b);
  const [x, y] = [a, b].map((bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return leaf.type === "u64" ? view.getBigUint64(0, true) : view.getBigInt64(0, true);
  });
  return x! < y! ? -1 : x! > y! ? 1 : 0;
}

function writeColumnIndex(out: ByteWriter, { leaf, pages }: ColumnChunk): void {
  const thrift = new ThriftWriter(out);
  thrift.bareStruct(() => {
    thrift.list(1, ThriftType.True, pages, ({ bounds }) => {
      out.u8(bounds === undefined ? ThriftType.True : ThriftType.False);
    });
    thrift.list(2, ThriftType.Binary, pages, (page) => thrift.bareBinary(page.bounds?.min ?? NONE));
    thrift.list(3, ThriftType.Binary, pages, (page) => thrift.bareBinary(page.bounds?.max ?? NONE));
    thrift.i32(4, leaf.type === "bytes" ? ORDER_ASCENDING : ORDER_UNKNOWN);
    thrift.list(5, ThriftType.I64, pages, ({ nullCount }) => out.zigzag(nullCount));
  });
}

function writeOffsetIndex(out: ByteWriter, { pages }: ColumnChunk): void {
  const thrift = new ThriftWriter(out);
  thrift.bareStruct(() =>
    thrift.list(1, ThriftType.Struct, pages, (page) =>
      thrift.bareStruct(() => {
        thrift.i64(1, page.offset);
        thrift.i32(2, page.sizeBytes);
        thrift.i64(3, page.firstRow);
      }))
  );
}

function writeSchemaNode(thrift: ThriftWriter, node: Group | Leaf, isRoot: boolean): void {
  thrift.bareStruct(() => {
    if ("type" in node) thrift.i32(1, physicalType[node.type]);
    if (!isRoot) thrift.i32(3, node.repetition satisfies Repetition);
    thrift.string(4, node.name);
    if ("children" in node) {
      thrift.i32(5, node.children.length);
      if (node.annotation === undefined) return;
      const { converted, logical } = annotations[node.annotation];
      thrift.i32(6, converted);
      thrift.struct(10, () => thrift.struct(logical, () => {}));
    } else if (node.type in convertedType) {
      const { type } = node;
      thrift.i32(6, convertedType[type as keyof typeof convertedType]);
      thrift.struct(10, () => {
        if (type === "string") thrift.struct(1, () => {});
        else {
          thrift.struct(10, () => {
            thrift.i8(1, type.endsWith("64") ? 64 : 32);
            thrift.bool(2, type.startsWith("i"));
          });
        }
      });
    }
  });
}

function flattened(node: Group | Leaf): (Group | Leaf)[] {
  return "children" in node ? [node, ...node.children.flatMap(flattened)] : [node];
}

function firstOffset(chunk: ColumnChunk): number {
  return chunk.dictionaryOffset >= 0 ? chunk.dictionaryOffset : chunk.pages[0]!.offset;
}

function sum<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.reduce((total, item) => total + valueOf(item), 0);
}
