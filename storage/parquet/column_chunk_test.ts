import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { type Leaf, Repetition } from "../block/schema.ts";
import { ByteArrays } from "./byte_arrays.ts";
import { Column } from "./column.ts";
import { ColumnChunkWriter } from "./column_chunk.ts";
import { compressorOf } from "./compress.ts";
import { encodeDelta } from "./encodings.ts";
import { ListLevels } from "./list_levels.ts";
import { Codec, PhysicalType } from "./metadata.ts";
import { decodePages } from "./page_decode.ts";
import { readPageHeader } from "./page_header.ts";

/** Lists of numbers, an empty list being an entry of its own; a stripe is an array of lists. */
const stripes = fc.array(
  fc.array(fc.array(fc.integer(), { maxLength: 6 }), { minLength: 1, maxLength: 60 }),
  { minLength: 1, maxLength: 4 },
);

const leaf: Leaf = {
  name: "x",
  path: ["x"],
  repetition: Repetition.Repeated,
  type: "i32",
  encoding: "delta",
  column: "Number",
  isBlob: false,
  own: undefined,
  hasBounds: false,
  repetitionMax: 1,
  definitionMax: 1,
};

function chunkOf(rows: readonly number[][][], codec: "zstd" | "snappy" | "none") {
  const list = new ListLevels(1);
  const values: number[] = [];
  for (const stripe of rows) {
    list.startStripe();
    for (const numbers of stripe) {
      if (numbers.length === 0) list.push(-1, 0, 0);
      numbers.forEach((number, i) => list.push(values.push(number) - 1, i === 0 ? 0 : 1, 1));
    }
  }
  const out = new ByteWriter();
  const chunk = new ColumnChunkWriter(leaf, "delta", out, 1000, compressorOf(codec));
  let row = 0;
  for (const [stripe, lists] of rows.entries()) {
    const from = list.stripeStart[stripe]!;
    const inStripe = [...list.row.subarray(from, list.stripeEnd(stripe))].filter((i) => i >= 0);
    const page = new ByteWriter();
    encodeDelta(page, Int32Array.from(inStripe, (i) => values[i]!), 0, inStripe.length);
    const levels = list.encoded(stripe);
    chunk.page(levels, row, lists.length, page.written(), inStripe.length, undefined);
    row += lists.length;
  }
  return { chunk: chunk.finish(), bytes: out.copy() };
}

function readBack(bytes: Uint8Array, codec: Codec): number[][] {
  const fileLeaf = { path: "x", type: PhysicalType.Int32, repetitionMax: 1, definitionMax: 1 };
  const column = new Column(fileLeaf, new ByteArrays());
  decodePages(bytes, codec, column, 0);
  const lists: number[][] = [];
  let value = 0;
  for (let i = 0; i < column.entryCount; i++) {
    if (column.repetition[i] === 0) lists.push([]);
    if (column.definition[i] === 1) lists.at(-1)!.push(column.ints[value++]!);
  }
  return lists;
}

for (const codec of ["zstd", "snappy", "none"] as const) {
  Deno.test(`lists come back from pages of either version, ${codec}`, () => {
    fc.assert(fc.property(stripes, (rows) => {
      const { chunk, bytes } = chunkOf(rows, codec);
      assert.deepEqual(readBack(bytes, chunk.codec), rows.flat());
      assert.equal(chunk.pages.length, rows.length);
      assert.equal(chunk.compressedBytes, bytes.length);
      // Each page stands alone at its place.
      for (const [i, { offset, sizeBytes, nullCount }] of chunk.pages.entries()) {
        const page = bytes.subarray(offset - 1000, offset - 1000 + sizeBytes);
        assert.deepEqual(readBack(page, chunk.codec), rows[i]);
        assert.equal(nullCount, rows[i]!.filter((list) => list.length === 0).length);
      }
    }));
  });
}

Deno.test("a chunk is compressed if its first page gains by it, and then all of it", () => {
  const regular = Array.from({ length: 3 }, () => Array.from({ length: 2000 }, (_, i) => [i % 7]));
  const gained = chunkOf(regular, "zstd");
  assert.equal(gained.chunk.codec, Codec.Zstd);
  assert.ok(gained.bytes.length * 5 < chunkOf(regular, "none").bytes.length);
  let state = 1;
  const noise = () => state = Math.imul(state, 1664525) + 1013904223 | 0;
  const irregular = [Array.from({ length: 2000 }, () => [noise()])];
  assert.equal(chunkOf(irregular, "zstd").chunk.codec, Codec.None);
});

Deno.test("a byte of a page's body that is not as it was written is loud", () => {
  const codec = fc.constantFrom("zstd" as const, "snappy" as const, "none" as const);
  const by = fc.integer({ min: 1, max: 255 });
  fc.assert(
    fc.property(stripes, codec, fc.nat(), fc.nat(), by, (rows, codec, which, at, by) => {
      const { chunk, bytes } = chunkOf(rows, codec);
      const { offset } = chunk.pages[which % chunk.pages.length]!;
      const cursor = new ByteCursor(bytes, offset - 1000);
      const { bodyBytes } = readPageHeader(cursor);
      bytes[cursor.at + at % bodyBytes]! ^= by;
      assert.throws(() => readBack(bytes, chunk.codec), CorruptionError);
    }),
    { numRuns: 300 },
  );
});
