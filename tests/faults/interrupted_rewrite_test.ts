// A rewrite of a block, refused at any call to the store. Law: every trace is there or the block is
// replaced, and nothing leaks.
import assert from "node:assert/strict";
import { cli, hasTrace, statesOf } from "../../cmd/cli/cli_testing.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import { GOLDEN_TENANT, goldenStore } from "../support/golden_store.ts";

const DROP = ["rewrite-blocks", "drop-traces", GOLDEN_TENANT];
const ONE = "160de79e0ed526064d62e740c1c1312d";
const OTHER = "466dc55667f58a0e26d02ea67aa5e556";

const has = (store: MemoryObjectStore, id: string) => hasTrace(store, GOLDEN_TENANT, id);

Deno.test("wherever a rewrite fails, every trace is there or the block is replaced, and nothing leaks", async () => {
  const name = "compaction-out";
  const block =
    (await cli(await goldenStore([name]), ["list", "blocks", "--json"])).json().blocks[0];
  const calm = await goldenStore([name]);
  const reads = calm.calls;
  const before = { ...reads };
  assert.equal((await cli(calm, [...DROP, ONE, "--yes"])).code, 0);
  const outcomes = { done: 0, undone: 0 };
  for (const operation of ["write", "read", "list", "delete"] as const) {
    const calls = reads[operation] - before[operation];
    const step = Math.ceil(calls / 9);
    for (let call = 1; call <= calls; call += step) {
      const stormy = await goldenStore([name]);
      stormy.script({ operation, key: "", call, fail: new UnavailableError("storm") });
      const { code, err } = await cli(stormy, [...DROP, ONE, "--yes"]);
      const store = new MemoryObjectStore();
      for (const [key, bytes] of stormy.objects) store.objects.set(key, bytes);
      const states = await statesOf(store);
      const live = Object.values(states).filter((state) => state === "live");
      assert.equal(live.length, 1, `${operation} ${call}: ${JSON.stringify(states)} ${err}`);
      assert.equal(await has(store, OTHER), true, `${operation} ${call}`);
      if (await has(store, ONE)) {
        outcomes.undone++;
        assert.equal(code, 1, `${operation} ${call}`);
        assert.deepEqual(Object.keys(states), [block.blockId], `${operation} ${call}: ${err}`);
      } else outcomes.done++;
    }
  }
  assert.ok(outcomes.undone >= 6 && outcomes.done >= 1, JSON.stringify(outcomes));
});
