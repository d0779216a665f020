// The column index of a chunk, whole: queries read its maxima alone (storage/parquet/page_header.ts).

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { ThriftReader } from "../parquet/thrift_reader.ts";
import { ThriftType } from "../parquet/thrift_writer.ts";

export interface PageBoundsRead {
  /** The page has nothing but nulls; its bounds mean nothing. */
  readonly isNull: boolean;
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

export function readPageBounds(cursor: ByteCursor): PageBoundsRead[] {
  const thrift = new ThriftReader(cursor);
  let nulls: boolean[] = [];
  let minima: Uint8Array[] = [];
  let maxima: Uint8Array[] = [];
  thrift.struct((id) => {
    if (id === 1) nulls = thrift.list(() => cursor.u8() === ThriftType.True);
    else if (id === 2) minima = thrift.list(() => thrift.binary());
    else if (id === 3) maxima = thrift.list(() => thrift.binary());
    else return false;
    return true;
  });
  const isWhole = minima.length === nulls.length && maxima.length === nulls.length;
  check(isWhole, "column index with lists of different sizes", cursor.at);
  return nulls.map((isNull, i) => ({ isNull, min: minima[i]!, max: maxima[i]! }));
}
