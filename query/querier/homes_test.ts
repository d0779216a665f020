import assert from "node:assert/strict";
import fc from "fast-check";
import type { BlockMeta } from "../../model/block_meta.ts";
import { Homes, rendezvous } from "./homes.ts";

const block = (blockID: string, size: number) => ({ blockID, size }) as BlockMeta;
const blocks = fc.uniqueArray(
  fc.record({ blockID: fc.uuid(), size: fc.integer({ min: 1, max: 9 }) }),
  {
    minLength: 1,
    maxLength: 60,
    selector: ({ blockID }) => blockID,
  },
) as fc.Arbitrary<readonly Pick<BlockMeta, "blockID" | "size">[]>;

Deno.test("a block stays where it is, whatever comes after it", () => {
  fc.assert(fc.property(blocks, fc.integer({ min: 1, max: 5 }), (all, count) => {
    const homes = new Homes(count);
    const first = all.map((one) => homes.of(one as BlockMeta));
    assert.deepEqual(all.map((one) => homes.of(one as BlockMeta)), first);
  }));
});

Deno.test("no scanner has more than a tenth above its share, or what part of a block makes even", () => {
  fc.assert(fc.property(blocks, fc.integer({ min: 2, max: 5 }), (all, count) => {
    const homes = new Homes(count);
    const bytes = Array.from({ length: count }, () => 0);
    for (const one of all) bytes[homes.of(one as BlockMeta)]! += one.size;
    const sum = all.reduce((sum, { size }) => sum + size, 0);
    const largest = Math.max(...all.map(({ size }) => size));
    assert.ok(
      Math.max(...bytes) <=
        Math.max(sum / count * 1.1, sum / count + largest * (1 - 1 / count)) + 1e-9,
    );
  }));
});

Deno.test("where there is room the home follows from the id, in any order and any process", () => {
  const ids = Array.from(
    { length: 400 },
    (_, i) => `0198c4f2-0000-4000-8000-${String(i).padStart(12, "0")}`,
  );
  const placed = (order: readonly string[]) => {
    const homes = new Homes(4);
    return new Map(order.map((id) => [id, homes.of(block(id, 1))]));
  };
  const forward = placed(ids);
  const backward = placed([...ids].reverse());
  const moved = ids.filter((id) => forward.get(id) !== backward.get(id));
  assert.ok(moved.length < 80, `${moved.length} of 400 depend on the order`);
  const counts = [0, 1, 2, 3].map((home) => ids.filter((id) => forward.get(id) === home).length);
  assert.ok(Math.min(...counts) > 70, String(counts));
});

Deno.test("one scanner more takes blocks from the others and moves none between them", () => {
  fc.assert(fc.property(fc.uuid(), fc.integer({ min: 1, max: 8 }), (id, count) => {
    const before = rendezvous(id, count);
    const after = rendezvous(id, count + 1);
    assert.deepEqual(after.filter((scanner) => scanner < count), before);
  }));
});

Deno.test("with one scanner nothing is remembered", () => {
  const homes = new Homes(1);
  assert.equal(homes.of(block("a", 9)), 0);
});
