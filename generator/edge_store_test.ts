import assert from "node:assert/strict";
import fc from "fast-check";

import { EdgeStore } from "./edge_store.ts";

const words = (n: number) => Uint32Array.of(n, 1, 2, 3, n >>> 3, 7);

Deno.test("the store does what a map in order of coming does", () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom("add", "add", "remove", "expire"),
      key: fc.integer({ min: 0, max: 60 }),
    }),
    { maxLength: 300 },
  );
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 40 }), (steps, max) => {
    const store = new EdgeStore<string>(max);
    const slow = new Map<number, { half: string; cameMs: number }>();
    for (const [nowMs, { what, key }] of steps.entries()) {
      const ids = words(key);
      const edge = store.find(ids, 0, ids, 4);
      assert.equal(edge >= 0, slow.has(key));
      if (edge >= 0) {
        assert.equal(store.half[edge], slow.get(key)!.half);
        assert.deepEqual([...store.key.subarray(edge * 6, edge * 6 + 6)], [...ids]);
      }
      if (what === "add" && edge < 0) {
        const half = `${key} at ${nowMs}`;
        const isRoom = store.add(ids, 0, ids, 4, half, nowMs) >= 0;
        assert.equal(isRoom, slow.size < max);
        if (isRoom) slow.set(key, { half, cameMs: nowMs });
      } else if (what === "remove" && edge >= 0) {
        store.remove(edge);
        slow.delete(key);
      } else if (what === "expire") {
        for (let old = 0; (old = store.oldestBefore(nowMs - 20)) >= 0;) {
          const first = [...slow].find(([, { cameMs }]) => cameMs < nowMs - 20)!;
          assert.equal(store.half[old], first[1].half);
          store.remove(old);
          slow.delete(first[0]);
        }
        assert.ok([...slow.values()].every(({ cameMs }) => cameMs >= nowMs - 20));
      }
      assert.equal(store.length, slow.size);
    }
  }));
});
