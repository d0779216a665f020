import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import { objectStoreContract } from "./contract.ts";
import { MemoryObjectStore } from "./memory.ts";

objectStoreContract("memory store", (use) => use(new MemoryObjectStore()));

Deno.test("memory store fails, cuts and delays the calls it is told to", async () => {
  const store = new MemoryObjectStore();
  await store.write("t/a", Uint8Array.of(1, 2, 3));
  const gate = Promise.withResolvers<void>();
  store.script({ operation: "read", call: 2, fail: new UnavailableError("storm") });
  store.script({ operation: "read", call: 3, truncateTo: 1 });
  store.script({ operation: "write", key: "b", call: 1, delay: gate.promise });
  assert.equal((await store.read("t/a")).length, 3);
  await assert.rejects(store.read("t/a"), UnavailableError);
  assert.equal((await store.read("t/a")).length, 1);
  assert.equal((await store.read("t/a")).length, 3);
  const slow = store.write("t/b", Uint8Array.of(1));
  assert.equal((await store.list("")).objects.length, 1);
  gate.resolve();
  await slow;
  assert.equal((await store.list("")).objects.length, 2);
});
