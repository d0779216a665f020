// What a Parquet footer says beyond what readers need (storage/parquet/metadata.ts): the schema as it is
// written, wrappers and logical types included, who wrote the file, encodings and sizes of chunks.
// For people and checks alone, so that the footers which queries keep in memory stay small.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift

import { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { Repetition } from "../block/schema.ts";
import { metadataSize, TRAILER_BYTES, WRAPPERS } from "../parquet/metadata.ts";
import type { ByteSource } from "../parquet/batched_source.ts";
import { ThriftReader } from "../parquet/thrift_reader.ts";
import { ThriftType } from "../parquet/thrift_writer.ts";

export type PhysicalName =
  | "BOOLEAN"
  | "INT32"
  | "INT64"
  | "INT96"
  | "FLOAT"
  | "DOUBLE"
  | "BYTE_ARRAY"
  | "FIXED_LEN_BYTE_ARRAY";

export interface SchemaNode {
  readonly name: string;
  readonly repetition: "required" | "optional" | "repeated";
  /** Of leaves. */
  readonly type?: PhysicalName;
  /** `STRING`, `INTEGER(64,false)`, `LIST`, `MAP`. */
  readonly logical?: string;
  readonly children: readonly SchemaNode[];
}

/** A list that a column lies in. Columns of one list have the same elements. */
export interface ListOfColumn {
  readonly path: string;
  readonly repetition: number;
  readonly definition: number;
}

export interface LeafDetails {
  /** As in metadata.ts: without the wrappers of older files. */
  readonly path: string;
  readonly type: PhysicalName;
  readonly logical: string | undefined;
  readonly lists: readonly ListOfColumn[];
}

export interface ChunkDetails {
  readonly encodings: readonly string[];
  readonly codec: string;
  readonly uncompressedBytes: number;
}

export interface FooterDetails {
  readonly createdBy: string;
  readonly schema: SchemaNode;
  /** In file order. */
  readonly leaves: readonly LeafDetails[];
  /** By row group, each in the order of the leaves. */
  readonly rowGroups: readonly (readonly ChunkDetails[])[];
}

const PHYSICAL: readonly PhysicalName[] = [
  "BOOLEAN",
  "INT32",
  "INT64",
  "INT96",
  "FLOAT",
  "DOUBLE",
  "BYTE_ARRAY",
  "FIXED_LEN_BYTE_ARRAY",
];
const ENCODINGS: readonly string[] = [
  "PLAIN",
  "GROUP_VAR_INT",
  "PLAIN_DICTIONARY",
  "RLE",
  "BIT_PACKED",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
  "RLE_DICTIONARY",
  "BYTE_STREAM_SPLIT",
];
const CODECS: readonly string[] = [
  ...["none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"],
];
const REPETITIONS = ["required", "optional", "repeated"] as const;

export function encodingName(encoding: number): string {
  return ENCODINGS[encoding] ?? `encoding ${encoding}`;
}

/** Reads the footer of a file anew. */
export async function readFooterDetails(source: ByteSource): Promise<FooterDetails> {
  check(source.sizeBytes >= TRAILER_BYTES, "too short for a Parquet file", 0);
  const end = source.sizeBytes - TRAILER_BYTES;
  const size = metadataSize(await source.read(end, TRAILER_BYTES));
  check(size <= end, "metadata larger than the file", 0);
  return parseFooterDetails(await source.read(end - size, size));
}

export function parseFooterDetails(bytes: Uint8Array): FooterDetails {
  const thrift = new ThriftReader(new ByteCursor(bytes));
  let elements: Element[] = [];
  let rowGroups: ChunkDetails[][] = [];
  let createdBy = "";
  thrift.struct((id) => {
    if (id === 2) elements = thrift.list(() => readElement(thrift));
    else if (id === 4) rowGroups = thrift.list(() => readRowGroup(thrift));
    else if (id === 6) createdBy = thrift.text();
    else return false;
    return true;
  });
  check(elements.length > 0, "no schema", 0);
  const schema = treeOf(elements);
  return { createdBy, schema, leaves: leavesOf(schema), rowGroups };
}

interface Element {
  readonly name: string;
  readonly type: number;
  readonly repetition: number;
  readonly children: number;
  readonly converted: number;
  readonly logical: string | undefined;
}

function readElement(thrift: ThriftReader): Element {
  let [name, type, repetition, children, converted] = ["", -1, 0, 0, -1];
  let logical: string | undefined;
  thrift.struct((id, kind) => {
    if (id === 1) type = thrift.natural();
    else if (id === 3) repetition = thrift.natural();
    else if (id === 4) name = thrift.text();
    else if (id === 5) children = thrift.natural();
    else if (id === 6) converted = thrift.natural();
    else if (id === 10 && kind === ThriftType.Struct) logical = readLogical(thrift);
    else return false;
    return true;
  });
  return { name, type, repetition, children, converted, logical };
}

/** A union: the field that is there is the type. */
function readLogical(thrift: ThriftReader): string | undefined {
  let logical: string | undefined;
  thrift.struct((id, kind) => {
    if (id === 10 && kind === ThriftType.Struct) {
      let bits = 0;
      let isSigned = false;
      thrift.struct((id, kind) => {
        if (id === 1) bits = thrift.cursor.u8();
        else if (id === 2) isSigned = kind === ThriftType.True;
        else return false;
        return true;
      });
      logical = `INTEGER(${bits},${isSigned})`;
      return true;
    }
    logical = LOGICAL[id] ?? `logical ${id}`;
    return false;
  });
  return logical;
}

const LOGICAL: Readonly<Record<number, string>> = { 1: "STRING", 2: "MAP", 3: "LIST", 12: "JSON" };
/** Older writers say only this. */
const CONVERTED: Readonly<Record<number, string>> = {
  0: "STRING",
  1: "MAP",
  3: "LIST",
  13: "INTEGER(32,false)",
  14: "INTEGER(64,false)",
  17: "INTEGER(32,true)",
  18: "INTEGER(64,true)",
};

function readRowGroup(thrift: ThriftReader): ChunkDetails[] {
  let chunks: ChunkDetails[] = [];
  thrift.struct((id) => {
    if (id !== 1) return false;
    chunks = thrift.list(() => readChunk(thrift));
    return true;
  });
  return chunks;
}

function readChunk(thrift: ThriftReader): ChunkDetails {
  let encodings: string[] = [];
  let codec = 0;
  let uncompressedBytes = 0;
  thrift.struct((id, kind) => {
    if (id !== 3 || kind !== ThriftType.Struct) return false;
    thrift.struct((id) => {
      if (id === 2) encodings = thrift.list(() => encodingName(thrift.natural()));
      else if (id === 4) codec = thrift.natural();
      else if (id === 6) uncompressedBytes = thrift.natural();
      else return false;
      return true;
    });
    return true;
  });
  return { encodings, codec: CODECS[codec] ?? `codec ${codec}`, uncompressedBytes };
}

/** Elements are a tree in depth-first order. */
function treeOf(elements: readonly Element[]): SchemaNode {
  let next = 0;
  const node = (depth: number): SchemaNode => {
    const element = elements[next++];
    check(element !== undefined && depth < 32, "schema ends early or is too deep", next);
    const logical = element.logical ?? CONVERTED[element.converted];
    const type = PHYSICAL[element.type];
    check(element.children > 0 || type !== undefined, `column of type ${element.type}`, next);
    return {
      name: element.name,
      repetition: REPETITIONS[element.repetition] ?? "required",
      ...element.children > 0 ? {} : { type: type! },
      ...logical === undefined ? {} : { logical },
      children: Array.from({ length: element.children }, () => node(depth + 1)),
    };
  };
  return node(0);
}

function leavesOf(schema: SchemaNode): LeafDetails[] {
  const leaves: LeafDetails[] = [];
  const walk = (
    node: SchemaNode,
    path: string,
    lists: readonly ListOfColumn[],
    definition: number,
  ) => {
    const own = WRAPPERS.has(node.name) ? path : path === "" ? node.name : `${path}.${node.name}`;
    const isRequired = node.repetition === REPETITIONS[Repetition.Required];
    const d = definition + (isRequired ? 0 : 1);
    if (node.type !== undefined) {
      leaves.push({ path: own, type: node.type, logical: node.logical, lists });
      return;
    }
    const within = node.repetition !== "repeated"
      ? lists
      : [...lists, { path: own, repetition: lists.length + 1, definition: d }];
    for (const child of node.children) walk(child, own, within, d);
  };
  for (const child of schema.children) walk(child, "", [], 0);
  return leaves;
}
