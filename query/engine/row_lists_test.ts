import assert from "node:assert/strict";
import fc from "fast-check";
import { doublesComparing, intsComparing, rowsComparing } from "./compare_loops.ts";
import {
  allRows,
  distinct,
  intersect,
  marked,
  type Rows,
  rowsByCode,
  rowsByVerdict,
  subtract,
  union,
} from "./row_lists.ts";

const COUNT = 60;
const rows = fc.uniqueArray(fc.nat({ max: COUNT - 1 })).map((list) => Int32Array.from(list).sort());
const sparse = fc.uniqueArray(fc.nat({ max: COUNT - 1 }), { maxLength: 2 })
  .map((list) => Int32Array.from(list).sort());
const maybeRows = fc.option(rows, { nil: undefined });
const set = (list: Rows | undefined) => new Set(list ?? allRows(COUNT));
const sorted = (found: Set<number>) => [...found].sort((a, b) => a - b);

Deno.test("row lists do what sets do", () => {
  fc.assert(fc.property(fc.oneof(rows, sparse), rows, maybeRows, (a, b, from) => {
    assert.deepEqual([...intersect(a, b)], sorted(set(a).intersection(set(b))));
    assert.deepEqual([...intersect(b, a)], sorted(set(a).intersection(set(b))));
    assert.deepEqual([...union(a, b)], sorted(set(a).union(set(b))));
    assert.deepEqual([...subtract(from, b, COUNT)], sorted(set(from).difference(set(b))));
    assert.deepEqual([...distinct(Int32Array.of(...a, ...a).sort())], [...a]);
    const marks = marked(a, COUNT);
    assert.deepEqual([...allRows(COUNT)].filter((row) => marks[row] === 1), [...a]);
  }));
});

Deno.test("rows are found by code and by verdict, among all or among some", () => {
  const codes = fc.array(fc.nat({ max: 3 }), { minLength: COUNT, maxLength: COUNT });
  fc.assert(fc.property(codes, fc.subarray([0, 1, 2, 3]), maybeRows, (list, wanted, from) => {
    const verdict = Uint8Array.from([0, 1, 2, 3], (code) => wanted.includes(code) ? 1 : 0);
    const column = Int32Array.from(list);
    assert.deepEqual(
      [...rowsByVerdict(column, verdict, from, COUNT)],
      sorted(set(from)).filter((row) => wanted.includes(list[row]!)),
    );
    assert.deepEqual(
      [...rowsByCode(column, 2, from, COUNT)],
      sorted(set(from)).filter((row) => list[row] === 2),
    );
  }));
});

const operators = fc.constantFrom("=", "!=", "<", "<=", ">", ">=");

function holds(op: string, a: number | bigint, b: number | bigint): boolean {
  switch (op) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}

Deno.test("numbers compare as numbers do, NaN too", () => {
  const number = fc.oneof(fc.constantFrom(0, -0, 1, NaN, Infinity, -Infinity), fc.double());
  const list = fc.array(number, { maxLength: 20 });
  fc.assert(fc.property(list, operators, number, (list, op, constant) => {
    const values = Float64Array.from(list);
    const expected = list.flatMap((value, i) => holds(op, value, constant) ? [i] : []);
    assert.deepEqual(
      [...rowsComparing(values, op, constant, undefined, list.length)],
      expected,
    );
    assert.deepEqual(
      [...rowsComparing(values, op, constant, allRows(list.length), list.length)],
      expected,
    );
    assert.deepEqual(
      [...doublesComparing(values, list.length, op, constant)].flatMap((v, i) => v ? [i] : []),
      expected,
    );
  }));
});

Deno.test("integers of 64 bits compare exactly", () => {
  const int = fc.oneof(
    fc.constantFrom(0n, -1n, 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  );
  fc.assert(fc.property(fc.array(int, { maxLength: 20 }), operators, int, (list, op, constant) => {
    const words = new Uint32Array(BigInt64Array.from(list).buffer);
    assert.deepEqual(
      [...intsComparing(words, list.length, op, constant)],
      list.map((value) => holds(op, value, constant) ? 1 : 0),
    );
  }));
});
