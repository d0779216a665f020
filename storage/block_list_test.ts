import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { UnavailableError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { compactedMetaKey, metaKey } from "../model/block_meta.ts";
import { BlockList } from "./block_list.ts";
import { aMeta, numbers, put, uuid } from "./block_list_testing.ts";
import { MemoryObjectStore } from "./store/memory.ts";

function aList() {
  const store = new MemoryObjectStore();
  const runtime = createRuntime({ clock: new SimulatedClock() });
  return { store, runtime, list: new BlockList(runtime, store, { readsMax: 2 }) };
}

const metricOf = async (runtime: { metrics: { text(): Promise<string> } }, name: string) =>
  (await runtime.metrics.text()).split("\n").filter((line) => line.startsWith(name));

Deno.test("block list shows the blocks of each tenant, newest first", async () => {
  const { store, runtime, list } = aList();
  for (const n of [1, 3, 2, 5, 4]) await put(store, aMeta(n));
  await put(store, aMeta(7, 7, "other"));
  await store.write(`acme/${uuid(9)}/data.parquet`, new Uint8Array(3));
  await store.write("work.json", new Uint8Array(3));
  assert.deepEqual(list.blocks("acme"), []);
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [5, 4, 3, 2, 1]);
  assert.deepEqual(numbers(list.blocks("other")), [7]);
  assert.deepEqual([...list.tenants].sort(), ["acme", "other"]);
  assert.deepEqual(list.blocks("nobody"), []);
  assert.deepEqual(await metricOf(runtime, 'tempodb_blocklist_length{tenant="acme"}'), [
    'tempodb_blocklist_length{tenant="acme"} 5',
  ]);
});

Deno.test("block list reads each meta once, and forgets blocks and tenants that are gone", async () => {
  const { store, list } = aList();
  for (const n of [1, 2]) await put(store, aMeta(n));
  await list.poll();
  await list.poll();
  assert.equal(store.calls.read, 2);
  await store.delete(metaKey("acme", uuid(1)));
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [2]);
  await store.delete(metaKey("acme", uuid(2)));
  await list.poll();
  assert.deepEqual(list.tenants, []);
});

Deno.test("block list tells compacted blocks from live ones", async () => {
  const { store, list } = aList();
  await put(store, aMeta(1), compactedMetaKey("acme", uuid(1)));
  await put(store, aMeta(2));
  await put(store, aMeta(3));
  await put(store, aMeta(3), compactedMetaKey("acme", uuid(3)));
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [3, 2]);
  assert.deepEqual(numbers(list.compacted("acme")), [1]);
  await store.delete(metaKey("acme", uuid(3)));
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [2]);
  assert.deepEqual(numbers(list.compacted("acme")), [3, 1]);
});

Deno.test("block list shows a merged block instead of its inputs, marked or not", async () => {
  const { store, list } = aList();
  for (const n of [1, 2, 3]) await put(store, aMeta(n));
  await put(store, aMeta(1), compactedMetaKey("acme", uuid(1)));
  await put(store, { ...aMeta(4), replaces: [uuid(1), uuid(2)] });
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [4, 3]);
  assert.deepEqual(numbers(list.compacted("acme")), [2, 1]);
  assert.deepEqual(numbers(list.replaced("acme")), [2, 1]);
  // It has been merged further, and its input is still not marked.
  await put(store, { ...aMeta(4), replaces: [uuid(2)] }, compactedMetaKey("acme", uuid(4)));
  for (const n of [1, 4]) await store.delete(metaKey("acme", uuid(n)));
  await put(store, { ...aMeta(5), replaces: [uuid(4)] });
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [5, 3]);
  assert.deepEqual(numbers(list.replaced("acme")), [2]);
});

Deno.test("block list hides a block whose meta is garbage, and counts it", async () => {
  const { store, runtime, list } = aList();
  await put(store, aMeta(1));
  const garbage: [string, unknown][] = [
    ["not JSON", undefined],
    ["of another tenant", { ...aMeta(3), tenantID: "other" }],
    ["of another block", { ...aMeta(4), blockID: uuid(99) }],
    ["of unknown format", { ...aMeta(5), format: "v2" }],
    ["without a time", { ...aMeta(6), startTime: "soon" }],
    ["of negative size", { ...aMeta(7), size: -1 }],
    ["with odd columns", { ...aMeta(8), dedicatedColumns: [{ n: 7 }] }],
    ["a list", []],
  ];
  for (const [i, [, meta]] of garbage.entries()) {
    const text = meta === undefined ? "{" : JSON.stringify(meta);
    await store.write(metaKey("acme", uuid(i + 2)), new TextEncoder().encode(text));
  }
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [1]);
  assert.deepEqual(await metricOf(runtime, "segno_blocklist_garbage_metas_total"), [
    `segno_blocklist_garbage_metas_total{tenant="acme"} ${garbage.length}`,
  ]);
});

Deno.test("block list keeps what it knew of a tenant that cannot be listed", async () => {
  const { store, runtime, list } = aList();
  await put(store, aMeta(1));
  await put(store, aMeta(2, 2, "other"));
  await list.poll();
  await put(store, aMeta(3));
  await put(store, aMeta(4, 4, "other"));
  store.script({ operation: "list", key: "acme", call: 1, fail: new UnavailableError("storm") });
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [1]);
  assert.deepEqual(numbers(list.blocks("other")), [4, 2]);
  assert.deepEqual(await metricOf(runtime, "tempodb_blocklist_poll_errors_total{"), [
    'tempodb_blocklist_poll_errors_total{tenant="acme"} 1',
  ]);
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [3, 1]);
});

Deno.test("block list shows an added block at once, through a poll that overlooked it", async () => {
  const { store, list } = aList();
  await put(store, aMeta(1));
  const gate = Promise.withResolvers<void>();
  store.script({ operation: "read", call: 1, delay: gate.promise });
  const polling = list.poll();
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await put(store, aMeta(2));
  const before = list.blocks("acme");
  list.add(aMeta(2));
  assert.deepEqual(numbers(list.blocks("acme")), [2]);
  assert.deepEqual(before, [], "a snapshot does not change");
  gate.resolve();
  await polling;
  assert.deepEqual(numbers(list.blocks("acme")), [2, 1]);
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [2, 1]);
  await store.delete(metaKey("acme", uuid(2)));
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [1], "a later poll has the last word");
});

Deno.test("block list gives blocks that overlap a range of seconds", async () => {
  const { store, list } = aList();
  for (const n of [1, 2, 3, 4]) await put(store, aMeta(n));
  await list.poll();
  assert.deepEqual(numbers(list.blocksOverlapping("acme", 0, 0)), [4, 3, 2, 1]);
  assert.deepEqual(numbers(list.blocksOverlapping("acme", 130, 170)), [2]);
  assert.deepEqual(numbers(list.blocksOverlapping("acme", 120, 180)), [3, 2, 1]);
  assert.deepEqual(numbers(list.blocksOverlapping("acme", 1000, 2000)), []);
});

Deno.test("a block that is superseded here is no longer live at once", async () => {
  const { store, list } = aList();
  await put(store, aMeta(1));
  await put(store, aMeta(2));
  await list.poll();
  list.retire("acme", uuid(1));
  assert.deepEqual(numbers(list.blocks("acme")), [2]);
  assert.deepEqual(numbers(list.compacted("acme")), [1]);
  list.retire("acme", uuid(9)); // unknown: nothing happens
  assert.deepEqual(numbers(list.blocks("acme")), [2]);
});

Deno.test("a tenant that was never listed is refused, not answered as empty", async () => {
  const { store, list } = aList();
  await put(store, aMeta(1));
  store.script({ operation: "read", call: 1, fail: new UnavailableError("injected") });
  await list.poll();
  assert.equal(list.isIncomplete, true);
  assert.throws(() => list.blocks("acme"), UnavailableError);
  assert.throws(() => list.blocksOverlapping("acme", 0, 0), UnavailableError);
  list.add(aMeta(2)); // of the others nothing is known for that
  store.script({ operation: "read", call: 1, fail: new UnavailableError("injected") });
  await list.poll();
  assert.throws(() => list.blocks("acme"), UnavailableError);
  await put(store, aMeta(2));
  await list.poll();
  assert.equal(list.isIncomplete, false);
  assert.deepEqual(numbers(list.blocks("acme")), [2, 1]);
});

Deno.test("a block that is retired or deleted while a poll runs does not come back with it", async () => {
  const { store, list } = aList();
  for (const n of [1, 2]) await put(store, aMeta(n));
  await list.poll();
  await put(store, aMeta(3));
  const gate = Promise.withResolvers<void>();
  store.script({ operation: "read", call: 1, delay: gate.promise });
  const polling = list.poll();
  for (let i = 0; i < 20; i++) await Promise.resolve();
  list.retire("acme", uuid(1));
  gate.resolve();
  await polling;
  assert.deepEqual(numbers(list.blocks("acme")), [3, 2]);
  assert.deepEqual(numbers(list.compacted("acme")), [1]);
  list.forget("acme", uuid(1));
  list.forget("acme", uuid(2)); // live: stays
  assert.deepEqual(numbers(list.compacted("acme")), []);
  assert.deepEqual(numbers(list.blocks("acme")), [3, 2]);
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [3, 2, 1], "a later poll has the last word");
});
