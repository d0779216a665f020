import assert from "node:assert/strict";
import { dedicatedAttributes, defaultDedicated } from "../../model/dedicated_attributes.ts";
import { ColumnsPool } from "./columns_pool.ts";

const other = dedicatedAttributes([{ n: "x" }]);

Deno.test("columns are used again for the same dedicated attributes, and for no others", () => {
  const pool = new ColumnsPool(4, 1 << 30);
  const { columns } = pool.take(defaultDedicated);
  pool.give(columns);
  assert.notEqual(pool.take(other).columns, columns);
  const asOld = dedicatedAttributes(defaultDedicated.columns, "vParquet4");
  assert.notEqual(pool.take(asOld).columns, columns);
  const asRead = structuredClone(defaultDedicated); // as it arrives in a worker
  assert.equal(pool.take(asRead).columns, columns);
  assert.notEqual(pool.take(defaultDedicated).columns, columns);
});

Deno.test("a pool that is full lets go of what it was given first, and never keeps a giant", () => {
  const pool = new ColumnsPool(2, 1 << 20);
  const [a, b, c] = [other, defaultDedicated, defaultDedicated].map((dedicated) =>
    pool.take(dedicated).columns
  );
  for (const columns of [a!, b!, c!]) pool.give(columns);
  assert.notEqual(pool.take(other).columns, a);
  assert.equal(pool.take(defaultDedicated).columns, c);
  assert.equal(pool.take(defaultDedicated).columns, b);
  while (b!.capacityBytes <= pool.spareBytesMax) {
    b!.nextSpan();
    b!.commitSpan();
  }
  pool.give(b!);
  assert.notEqual(pool.take(defaultDedicated).columns, b);
});
