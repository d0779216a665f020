import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteArrays } from "../parquet/byte_arrays.ts";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { Column } from "../parquet/column.ts";
import { PhysicalType } from "../parquet/metadata.ts";
import { rangeOf, valueAt } from "./column_values.ts";
import { compareValues, type PlainValue, plainValue } from "./plain_values.ts";

function columnOf(type: PhysicalType, values: number): Column {
  const column = new Column(
    { path: "x", type, repetitionMax: 0, definitionMax: 0 },
    new ByteArrays(),
  );
  column.reserve(values, values);
  column.entryCount = column.valueCount = values;
  return column;
}

function naiveRange(column: Column, logical: string | undefined) {
  const values: PlainValue[] = [];
  for (let i = 0; i < column.valueCount; i++) values.push(valueAt(column, i, logical));
  const ordered = values.filter((value) => !Number.isNaN(value)).sort(compareValues);
  return ordered.length === 0 ? undefined : { min: ordered[0], max: ordered.at(-1) };
}

for (const logical of ["INTEGER(64,true)", "INTEGER(64,false)"]) {
  Deno.test(`smallest and largest of ${logical} are those of sorting`, () => {
    const bits = fc.oneof(
      fc.bigInt(0n, (1n << 64n) - 1n),
      fc.constantFrom(0n, 1n << 63n, 1n << 32n),
    );
    fc.assert(fc.property(fc.array(bits, { minLength: 1 }), (values) => {
      const column = columnOf(PhysicalType.Int64, values.length);
      values.forEach((value, i) => {
        column.words[i * 2] = Number(value & 0xffffffffn);
        column.words[i * 2 + 1] = Number(value >> 32n);
      });
      assert.deepEqual(rangeOf(column, 0, values.length, logical), naiveRange(column, logical));
    }));
  });
}

for (const logical of ["INTEGER(32,true)", "INTEGER(32,false)"]) {
  Deno.test(`smallest and largest of ${logical} are those of sorting`, () => {
    const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(fc.property(fc.array(int, { minLength: 1 }), (values) => {
      const column = columnOf(PhysicalType.Int32, values.length);
      column.ints.set(values);
      assert.deepEqual(rangeOf(column, 0, values.length, logical), naiveRange(column, logical));
    }));
  });
}

Deno.test("smallest and largest of strings are by bytes, of doubles without those that have no order", () => {
  fc.assert(fc.property(fc.array(fc.string(), { minLength: 1 }), (texts) => {
    const column = columnOf(PhysicalType.ByteArray, texts.length);
    const parts = texts.map((text) => new TextEncoder().encode(text));
    const plain = parts.flatMap((part) => [part.length, 0, 0, 0, ...part]);
    column.dictionary.appendPlain(new ByteCursor(Uint8Array.from(plain)), parts.length);
    texts.forEach((_, i) => column.codes[i] = i);
    assert.deepEqual(rangeOf(column, 0, texts.length, "STRING"), naiveRange(column, "STRING"));
  }));
  fc.assert(fc.property(fc.array(fc.double(), { minLength: 1 }), (values) => {
    const column = columnOf(PhysicalType.Double, values.length);
    column.doubles().set(values);
    const range = rangeOf(column, 0, values.length, undefined);
    const naive = naiveRange(column, undefined);
    assert.equal(range === undefined, naive === undefined);
    if (range === undefined || naive === undefined) return;
    assert.ok(range.min === naive.min && range.max === naive.max);
  }));
});

Deno.test("bounds that are no values of the type are told from those that are", () => {
  assert.equal(plainValue(new Uint8Array(3), PhysicalType.Int64, undefined), null);
  assert.equal(
    plainValue(new Uint8Array(8).fill(255), PhysicalType.Int64, "INTEGER(64,true)"),
    -1n,
  );
  const most = (1n << 64n) - 1n;
  assert.equal(
    plainValue(new Uint8Array(8).fill(255), PhysicalType.Int64, "INTEGER(64,false)"),
    most,
  );
});
