// The footer of a Parquet file, read: leaf columns with their levels, row groups, column chunks.
// Leaf paths leave out the wrappers of lists and maps that older files have, so that vParquet4's names
// are those of vParquet5 where the things are the same.

import { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { ThriftReader } from "./thrift_reader.ts";
import { Repetition } from "../block/schema.ts";

export const enum PhysicalType {
  Boolean = 0,
  Int32 = 1,
  Int64 = 2,
  Double = 5,
  ByteArray = 6,
}

export const enum Codec {
  None = 0,
  Snappy = 1,
  Zstd = 6,
}

export interface FileLeaf {
  readonly path: string;
  readonly type: PhysicalType;
  readonly repetitionMax: number;
  readonly definitionMax: number;
}

export interface ChunkMetadata {
  readonly leaf: FileLeaf;
  readonly codec: Codec;
  readonly valueCount: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly dataOffset: number;
  readonly offsetIndex: ByteRange;
  readonly columnIndex: ByteRange;
  readonly statistics: ChunkStatistics;
  /** Whether the footer owns up to pages that do not use the dictionary. */
  readonly hasPlainPages: boolean;
}

/** What the footer says of all values of a chunk; undefined where it does not say. */
export interface ChunkStatistics {
  readonly nullCount: number | undefined;
  /** As PLAIN values without a length. */
  readonly min: Uint8Array | undefined;
  readonly max: Uint8Array | undefined;
}

/** `sizeBytes` 0: there is none. */
export interface ByteRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface RowGroup {
  /** Of the file's row groups. */
  readonly index: number;
  readonly rows: number;
  readonly chunks: ReadonlyMap<string, ChunkMetadata>;
}

export interface FileMetadata {
  readonly rows: number;
  readonly leaves: readonly FileLeaf[];
  readonly rowGroups: readonly RowGroup[];
}

export const TRAILER_BYTES = 8;
const DICTIONARY_PAGE = 2;
const PLAIN_DICTIONARY = 2;
const DICTIONARY = 8;
const MAGIC = 0x31524150; // "PAR1"

/** The size of the metadata, from the last eight bytes of the file. */
export function metadataSize(trailer: Uint8Array): number {
  const cursor = new ByteCursor(trailer);
  const size = cursor.u32();
  check(cursor.u32() === MAGIC, "not the end of a Parquet file", 0);
  return size;
}

export function parseMetadata(bytes: Uint8Array, fileBytes: number): FileMetadata {
  const thrift = new ThriftReader(new ByteCursor(bytes));
  let leaves: FileLeaf[] = [];
  let rows = 0;
  let rowGroups: RowGroup[] = [];
  thrift.struct((id) => {
    if (id === 2) leaves = leavesOf(thrift.list(() => readSchemaElement(thrift)));
    else if (id === 3) rows = thrift.natural();
    else if (id === 4) {
      rowGroups = thrift.list((index) => readRowGroup(thrift, index, leaves, fileBytes));
    } else return false;
    return true;
  });
  return { rows, leaves, rowGroups };
}

interface SchemaElement {
  name: string;
  type: number;
  repetition: number;
  children: number;
}

function readSchemaElement(thrift: ThriftReader): SchemaElement {
  const element = { name: "", type: -1, repetition: 0, children: 0 };
  thrift.struct((id) => {
    if (id === 1) element.type = thrift.natural();
    else if (id === 3) element.repetition = thrift.natural();
    else if (id === 4) element.name = thrift.text();
    else if (id === 5) element.children = thrift.natural();
    else return false;
    return true;
  });
  return element;
}

/** Groups whose names are left out of paths. */
export const WRAPPERS: ReadonlySet<string> = new Set(["list", "element", "key_value", "value"]);

/** The schema is a tree in depth-first order. */
function leavesOf(elements: readonly SchemaElement[]): FileLeaf[] {
  const leaves: FileLeaf[] = [];
  let next = 1;
  const walk = (children: number, path: string, repetitionMax: number, definitionMax: number) => {
    for (let i = 0; i < children; i++) {
      check(next < elements.length, "schema ends early", next);
      const { name, type, repetition, children } = elements[next++]!;
      const isWrapper = WRAPPERS.has(name);
      const childPath = isWrapper ? path : path === "" ? name : `${path}.${name}`;
      const r = repetitionMax + (repetition === Repetition.Repeated ? 1 : 0);
      const d = definitionMax + (repetition === Repetition.Required ? 0 : 1);
      if (children > 0) walk(children, childPath, r, d);
      else leaves.push({ path: childPath, type, repetitionMax: r, definitionMax: d });
    }
  };
  walk(elements[0]?.children ?? 0, "", 0, 0);
  return leaves;
}

function readRowGroup(
  thrift: ThriftReader,
  index: number,
  leaves: readonly FileLeaf[],
  fileBytes: number,
): RowGroup {
  const chunks = new Map<string, ChunkMetadata>();
  let rows = 0;
  thrift.struct((id) => {
    if (id === 1) {
      thrift.list((index) => {
        const leaf = leaves[index];
        check(leaf !== undefined, `no column ${index} in the schema`, thrift.cursor.at);
        chunks.set(leaf.path, readChunk(thrift, leaf, fileBytes));
      });
    } else if (id === 3) rows = thrift.natural();
    else return false;
    return true;
  });
  return { index, rows, chunks };
}

function readChunk(thrift: ThriftReader, leaf: FileLeaf, fileBytes: number): ChunkMetadata {
  let codec = 0;
  let valueCount = 0;
  let sizeBytes = 0;
  let dataOffset = 0;
  let dictionaryOffset = 0;
  let hasPlainPages = false;
  let statistics: ChunkStatistics = { nullCount: undefined, min: undefined, max: undefined };
  const index = { offset: 0, sizeBytes: 0 };
  const bounds = { offset: 0, sizeBytes: 0 };
  const readColumn = (id: number) => {
    if (id === 4) codec = thrift.natural();
    else if (id === 5) valueCount = thrift.natural();
    else if (id === 7) sizeBytes = thrift.natural();
    else if (id === 9) dataOffset = thrift.natural();
    else if (id === 11) dictionaryOffset = thrift.natural();
    else if (id === 12) statistics = readStatistics(thrift);
    else if (id === 13) hasPlainPages = thrift.list(() => isPlainData(thrift)).includes(true);
    else return false;
    return true;
  };
  thrift.struct((id) => {
    if (id === 3) thrift.struct(readColumn);
    else if (id === 4) index.offset = thrift.natural();
    else if (id === 5) index.sizeBytes = thrift.natural();
    else if (id === 6) bounds.offset = thrift.natural();
    else if (id === 7) bounds.sizeBytes = thrift.natural();
    else return false;
    return true;
  });
  const offset = dictionaryOffset > 0 ? Math.min(dictionaryOffset, dataOffset) : dataOffset;
  check(dataOffset <= offset + sizeBytes, `column ${leaf.path} has no pages`, thrift.cursor.at);
  for (const range of [{ offset, sizeBytes }, index, bounds]) {
    const isInside = range.offset + range.sizeBytes <= fileBytes;
    check(isInside, `column ${leaf.path} lies outside the file`, thrift.cursor.at);
  }
  return {
    leaf,
    codec,
    valueCount,
    offset,
    sizeBytes,
    dataOffset,
    offsetIndex: index,
    columnIndex: bounds,
    statistics,
    hasPlainPages,
  };
}

/** An entry of the counts of pages by type and encoding. */
function isPlainData(thrift: ThriftReader): boolean {
  let pageType = 0;
  let encoding = 0;
  thrift.struct((id) => {
    if (id === 1) pageType = thrift.natural();
    else if (id === 2) encoding = thrift.natural();
    else return false;
    return true;
  });
  const isDictionary = encoding === DICTIONARY || encoding === PLAIN_DICTIONARY;
  return pageType !== DICTIONARY_PAGE && !isDictionary;
}

function readStatistics(thrift: ThriftReader): ChunkStatistics {
  let nullCount: number | undefined;
  let min: Uint8Array | undefined;
  let max: Uint8Array | undefined;
  thrift.struct((id) => {
    if (id === 3) nullCount = thrift.natural();
    else if (id === 5) max = thrift.binary();
    else if (id === 6) min = thrift.binary();
    else return false;
    return true;
  });
  return { nullCount, min, max };
}
