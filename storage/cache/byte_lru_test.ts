import fc from "fast-check";
import assert from "node:assert/strict";

import { ByteLru } from "./byte_lru.ts";

const SIZED = { sizeOf: (bytes: Uint8Array) => bytes.length };
const bytes = (size: number, value = 1) => new Uint8Array(size).fill(value);

Deno.test("what was used last stays, what was not goes first", () => {
  const lru = new ByteLru(10_000, SIZED);
  for (const name of ["a", "b", "c"]) lru.put(name, bytes(2_000));
  assert.deepEqual(lru.get("a"), bytes(2_000));
  for (const name of ["d", "e"]) lru.put(name, bytes(2_000));
  assert.equal(lru.get("b"), undefined);
  assert.deepEqual(lru.get("a"), bytes(2_000));
});

Deno.test("one value cannot push out the others", () => {
  const lru = new ByteLru(10_000, SIZED);
  lru.put("a", bytes(2_000));
  lru.put("huge", bytes(5_000));
  assert.equal(lru.get("huge"), undefined);
  assert.deepEqual(lru.get("a"), bytes(2_000));
});

Deno.test("it answers with what was put last or not at all, and stays within its bytes", () => {
  const step = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), size: fc.nat(1_500) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.nat(8_000), (steps, bytesMax) => {
    const lru = new ByteLru(bytesMax, SIZED);
    const put = new Map<string, number>();
    for (const [value, { name, size }] of steps.entries()) {
      lru.put(name, bytes(size, value));
      put.set(name, value);
      assert(lru.sizeBytes <= bytesMax);
      for (const known of ["a", "b", "c", "d"]) {
        const found = lru.get(known);
        if (found !== undefined && found.length > 0) assert.equal(found[0], put.get(known));
      }
    }
  }));
});
