// Headers and indexes of pages, read. Sizes are claims: whoever slices by them checks the room.

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { checksum } from "./page_checksum.ts";
import { ThriftReader } from "./thrift_reader.ts";
import { ThriftType } from "./thrift_writer.ts";

export const enum PageType {
  DataV1 = 0,
  Dictionary = 2,
  DataV2 = 3,
}

export interface PageHeader {
  type: number;
  bodyBytes: number;
  uncompressedBytes: number;
  /** Of the body; undefined where the writer left it out. */
  checksum: number | undefined;
  entryCount: number;
  encoding: number;
  /** Version 2 only; of version 1 these are found by decoding. */
  nullCount: number;
  rows: number;
  definitionBytes: number;
  repetitionBytes: number;
  isCompressed: boolean;
}

const typeOfPart: Readonly<Record<number, PageType>> = {
  5: PageType.DataV1,
  7: PageType.Dictionary,
  8: PageType.DataV2,
};

export const PAGE_BYTES_MAX = 1 << 28;
export const PAGE_ENTRIES_MAX = 1 << 26;

export function readPageHeader(cursor: ByteCursor): PageHeader {
  const thrift = new ThriftReader(cursor);
  const header: PageHeader = {
    type: -1,
    bodyBytes: 0,
    uncompressedBytes: 0,
    checksum: undefined,
    entryCount: 0,
    encoding: 0,
    nullCount: 0,
    rows: 0,
    definitionBytes: 0,
    repetitionBytes: 0,
    isCompressed: true,
  };
  const older = (id: number) => {
    if (id === 1) header.entryCount = thrift.natural();
    else if (id === 2) header.encoding = thrift.natural();
    else return false;
    return true;
  };
  const newer = (id: number, type: number) => {
    if (id === 1) header.entryCount = thrift.natural();
    else if (id === 2) header.nullCount = thrift.natural();
    else if (id === 3) header.rows = thrift.natural();
    else if (id === 4) header.encoding = thrift.natural();
    else if (id === 5) header.definitionBytes = thrift.natural();
    else if (id === 6) header.repetitionBytes = thrift.natural();
    else if (id === 7) header.isCompressed = type === ThriftType.True;
    else return false;
    return true;
  };
  // The type that the one part of a header that only some have belongs to.
  let partOf = -1;
  thrift.struct((id, type) => {
    if (type === ThriftType.Struct) partOf = typeOfPart[id] ?? partOf;
    if (id === 1) header.type = thrift.natural();
    else if (id === 2) header.uncompressedBytes = thrift.natural();
    else if (id === 3) header.bodyBytes = thrift.natural();
    else if (id === 4) header.checksum = thrift.integer() | 0;
    else if ((id === 5 || id === 7) && type === ThriftType.Struct) thrift.struct(older);
    else if (id === 8 && type === ThriftType.Struct) thrift.struct(newer);
    else return false;
    return true;
  });
  const { at } = cursor;
  check(partOf === header.type, `page of type ${header.type} with a header of another`, at);
  check(header.uncompressedBytes <= PAGE_BYTES_MAX, `page of ${header.uncompressedBytes}`, at);
  check(header.entryCount <= PAGE_ENTRIES_MAX, `page of ${header.entryCount} entries`, at);
  check(header.nullCount <= header.entryCount, "more nulls than entries", at);
  return header;
}

export interface PageSpot {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly firstRow: number;
}

export function readOffsetIndex(cursor: ByteCursor): PageSpot[] {
  const thrift = new ThriftReader(cursor);
  let pages: PageSpot[] = [];
  thrift.struct((id) => {
    if (id !== 1) return false;
    pages = thrift.list(() => {
      const spot = { offset: 0, sizeBytes: 0, firstRow: 0 };
      thrift.struct((id) => {
        if (id === 1) spot.offset = thrift.natural();
        else if (id === 2) spot.sizeBytes = thrift.natural();
        else if (id === 3) spot.firstRow = thrift.natural();
        else return false;
        return true;
      });
      return spot;
    });
    return true;
  });
  return pages;
}

/** The largest value of every page, as bytes. */
export function readPageMaxima(cursor: ByteCursor): Uint8Array[] {
  const thrift = new ThriftReader(cursor);
  let maxima: Uint8Array[] = [];
  thrift.struct((id) => {
    if (id !== 3) return false;
    maxima = thrift.list(() => thrift.binary());
    return true;
  });
  return maxima;
}

/** The body behind a header, as the header says it is; CorruptionError where they disagree. */
export function takeBody(cursor: ByteCursor, { bodyBytes, checksum: sum }: PageHeader): Uint8Array {
  const { at } = cursor;
  const body = cursor.take(bodyBytes);
  check(sum === undefined || sum === checksum(body), "page does not match its checksum", at);
  return body;
}
