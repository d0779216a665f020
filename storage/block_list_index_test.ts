// The block list by way of tenants' indexes: who builds, who reads, and what happens in between.
// Law: a list from indexes and one from listings agree, and neither shows a block beside its inputs.
import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../lib/clock.ts";
import { UnavailableError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../model/block_meta.ts";
import { BlockList, type IndexRole, type PollPatience } from "./block_list.ts";
import { aMeta, LaggingStore, mark, numbers, put, uuid } from "./block_list_testing.ts";
import { MemoryObjectStore } from "./store/memory.ts";
import type { ObjectStore } from "./store/object_store.ts";
import {
  indexJsonKey,
  indexProtoKey,
  readTenantIndex,
  writeTenantIndex,
} from "./tenant_index/tenant_index.ts";

const NOW_MS = 1_767_268_800_000;
const MINUTE_MS = 60_000;
const BUILD: IndexRole = { role: "build", emptyTenantAgeMs: undefined };
const READ: IndexRole = { role: "read", isFallbackAllowed: true, ageMaxMs: 0 };
const patience: PollPatience = { tenantsMax: 3, jitterMs: 0, repeatsMax: 0, failedTenantsMax: 1 };

function aList(store: ObjectStore, indexes?: IndexRole, more: Partial<PollPatience> = {}) {
  const clock = new SimulatedClock(NOW_MS);
  const runtime = createRuntime({ clock });
  const list = new BlockList(runtime, store, {
    readsMax: 4,
    patience: { ...patience, ...more },
    ...indexes === undefined ? {} : { indexes },
  });
  const metric = async (line: string) => {
    const text = await runtime.metrics.text();
    return text.split("\n").find((one) => one.startsWith(line))?.slice(line.length + 1);
  };
  return { list, clock, metric };
}

Deno.test("a builder writes an index each poll, and a reader asks for nothing else", async () => {
  const store = new MemoryObjectStore();
  const builder = aList(store, BUILD);
  const reader = aList(store, READ);
  for (const n of [1, 2, 3]) await put(store, aMeta(n));
  await put(store, aMeta(4), compactedMetaKey("acme", uuid(4)));
  await put(store, aMeta(5, 5, "other"));
  await builder.list.poll();
  const before = { ...store.calls };
  await reader.list.poll();
  assert.equal(store.calls.list - before.list, 1, "the tenants");
  assert.equal(store.calls.read - before.read, 2, "an index for each");
  assert.deepEqual(numbers(reader.list.blocks("acme")), [3, 2, 1]);
  assert.deepEqual(numbers(reader.list.compacted("acme")), [4]);
  assert.deepEqual(numbers(reader.list.blocks("other")), [5]);
  assert.equal(await builder.metric('tempodb_blocklist_tenant_index_builder{tenant="acme"}'), "1");
  assert.equal(
    await builder.metric('tempodb_backend_objects_total{tenant="acme",status="live"}'),
    "3",
  );
  const bytes = 'tempodb_backend_bytes_total{tenant="acme",status="compacted"}';
  assert.equal(await reader.metric(bytes), "100");
  await put(store, aMeta(6));
  await reader.list.poll();
  assert.deepEqual(numbers(reader.list.blocks("acme")), [3, 2, 1], "not before it is in the index");
  await builder.list.poll();
  await reader.list.poll();
  assert.deepEqual(numbers(reader.list.blocks("acme")), [6, 3, 2, 1]);
  assert.equal((await readTenantIndex(store, "acme")).isOurs, true);
});

Deno.test("a folder that is no tenant gets no index and is no error", async () => {
  const store = new MemoryObjectStore();
  await store.write("overrides/acme/overrides.json", new Uint8Array(2));
  await put(store, aMeta(1));
  const [builder, reader] = [aList(store, BUILD), aList(store, READ)];
  await builder.list.poll();
  await reader.list.poll();
  assert.equal(store.objects.has(indexProtoKey("overrides")), false);
  const errors = "tempodb_blocklist_tenant_index_errors_total";
  assert.equal(await reader.metric(`${errors}{tenant="overrides"}`), undefined);
});

Deno.test("a tenant is listed where its index is missing or garbage, if that is allowed", async () => {
  const store = new MemoryObjectStore();
  const [reader, strict] = [
    aList(store, READ),
    aList(store, { ...READ, isFallbackAllowed: false }),
  ];
  await put(store, aMeta(1));
  await reader.list.poll();
  assert.deepEqual(numbers(reader.list.blocks("acme")), [1]);
  await strict.list.poll();
  assert.throws(() => strict.list.blocks("acme"), UnavailableError);
  const errors = 'tempodb_blocklist_tenant_index_errors_total{tenant="acme"}';
  assert.equal(await reader.metric(errors), "1");
  assert.equal(await strict.metric(errors), "1");

  await aList(store, BUILD).list.poll();
  await strict.list.poll();
  assert.deepEqual(numbers(strict.list.blocks("acme")), [1]);
  await put(store, aMeta(2));
  for (const key of [indexProtoKey("acme"), indexJsonKey("acme")]) {
    await store.write(key, store.objects.get(key)!.subarray(0, 40));
  }
  await reader.list.poll();
  assert.deepEqual(numbers(reader.list.blocks("acme")), [2, 1]);
  await strict.list.poll();
  assert.deepEqual(numbers(strict.list.blocks("acme")), [1], "what it knew");
  assert.equal(await strict.metric('tempodb_blocklist_poll_errors_total{tenant="acme"}'), "2");
});

Deno.test("an index that is too old is not used, whatever its builder's clock says", async () => {
  const limited: IndexRole = { ...READ, ageMaxMs: 10 * MINUTE_MS };
  for (const skewMs of [0, 3_600_000]) {
    const store = new MemoryObjectStore();
    const builder = aList(store, BUILD);
    const reader = aList(store, limited);
    await builder.clock.advance(skewMs);
    await put(store, aMeta(1));
    await builder.list.poll();
    await reader.list.poll();
    await put(store, aMeta(2)); // and the builder dies
    await reader.clock.advance(9 * MINUTE_MS);
    await reader.list.poll();
    assert.deepEqual(numbers(reader.list.blocks("acme")), [1], `${skewMs}`);
    assert.equal(
      await reader.metric('tempodb_blocklist_tenant_index_age_seconds{tenant="acme"}'),
      "540",
    );
    await reader.clock.advance(2 * MINUTE_MS);
    await reader.list.poll();
    assert.deepEqual(numbers(reader.list.blocks("acme")), [2, 1], `${skewMs}`);
  }
  // A builder whose clock is behind is never young enough: readers list, which is slow and right.
  const store = new MemoryObjectStore();
  const [builder, reader] = [aList(store, BUILD), aList(store, limited)];
  await reader.clock.advance(3_600_000);
  await put(store, aMeta(1));
  await builder.list.poll();
  await put(store, aMeta(2));
  await reader.list.poll();
  assert.deepEqual(numbers(reader.list.blocks("acme")), [2, 1]);
});

Deno.test("what this process wrote or retired stands against an older index and a lagging listing", async () => {
  for (const role of [READ, BUILD]) {
    const store = new LaggingStore();
    for (const n of [1, 2]) await put(store, aMeta(n));
    await aList(store, BUILD).list.poll();
    const { list, clock } = aList(store, role);
    await list.poll();
    store.lag(true);
    await put(store, aMeta(3));
    list.add(aMeta(3));
    await mark(store, aMeta(1));
    list.retire("acme", uuid(1));
    for (let poll = 0; poll < 3; poll++) {
      await list.poll();
      assert.deepEqual(numbers(list.blocks("acme")), [3, 2], role.role);
      // Where the store does not say, what was done is believed.
      store.script({
        operation: "read",
        key: "meta.json",
        call: 1 + poll,
        fail: new UnavailableError("503"),
      });
      await clock.advance(5 * MINUTE_MS);
    }
    await store.delete(metaKey("acme", uuid(3))); // by another, who is right
    await list.poll();
    assert.deepEqual(numbers(list.blocks("acme")), [2], role.role);
  }
});

Deno.test("a merged block and its inputs are never both visible, though the listing lags", async () => {
  const store = new LaggingStore();
  for (const n of [1, 2]) await put(store, aMeta(n));
  const { list } = aList(store, BUILD);
  await list.poll();
  store.lag(true);
  const merged = { ...aMeta(3), compactionLevel: 1, replaces: [uuid(1), uuid(2)] };
  await put(store, merged);
  list.add(merged); // neither input could be marked
  for (const n of [1, 2]) list.retire("acme", uuid(n));
  await list.poll();
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [3]);
  const index = await readTenantIndex(store, "acme");
  assert.deepEqual(numbers(index.live), [3]);
  assert.deepEqual(numbers(index.compacted).sort(), [1, 2]);
});

Deno.test("of twins one counts, though the listing does not show the other yet", async () => {
  const store = new LaggingStore();
  const twin = (n: number) => ({ ...aMeta(n), compactionLevel: 1, replaces: [uuid(1), uuid(2)] });
  for (const n of [1, 2]) await put(store, aMeta(n));
  await put(store, twin(4));
  const { list } = aList(store, BUILD);
  await list.poll();
  store.lag(true);
  await put(store, twin(3));
  list.add(twin(3)); // of a worker that was believed dead
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [3]);
  store.lag(false);
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [3]);
});

Deno.test("a builder that starts again reads only metas that its index does not have", async () => {
  const store = new MemoryObjectStore();
  for (let n = 0; n < 20; n++) await put(store, aMeta(n));
  await mark(store, aMeta(7));
  const first = aList(store, BUILD);
  await first.list.poll();
  await put(store, aMeta(20));
  const before = store.calls.read;
  const second = aList(store, BUILD);
  await second.clock.advance(3_600_000);
  await second.list.poll();
  assert.equal(store.calls.read - before, 2, "the index and one meta");
  assert.equal(second.list.blocks("acme").length, 20);
  const [marked] = second.list.compacted("acme");
  assert.equal(marked!.compactedTime, "2026-01-01T12:00:00Z", "as the first one saw it");
});

Deno.test("the peer's index says nothing of replaced blocks: metas are asked, once", async () => {
  const store = new MemoryObjectStore();
  const merged = (n: number, minute: number, replaces: number[]): BlockMeta => ({
    ...aMeta(n, minute),
    endTime: aMeta(0, minute + 5).startTime,
    compactionLevel: 1,
    replaces: replaces.map(uuid),
  });
  const rewritten = { ...aMeta(50, 6), replaces: [uuid(51)] };
  const metas = [
    ...[aMeta(1), aMeta(2), aMeta(30), aMeta(51, 6), rewritten],
    ...[merged(4, 1, [1, 2]), merged(40, 100, [31])],
  ];
  for (const meta of metas) await put(store, meta);
  const asThePeer = metas.map(({ replaces: _, ...meta }) => meta);
  const createdAt = new Date(NOW_MS).toISOString();
  const index = { createdAt, isOurs: false, live: asThePeer, compacted: [] };
  await writeTenantIndex(store, "acme", index);
  const { list } = aList(store, READ);
  const before = store.calls.read;
  await list.poll();
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [40, 30, 50, 4]);
  assert.equal(store.calls.read - before, 5, "two indexes, of three blocks the meta");
});

Deno.test("an index that cannot be written is counted, and tried again with the next poll", async () => {
  const store = new MemoryObjectStore();
  await put(store, aMeta(1));
  const { list, metric } = aList(store, BUILD);
  store.script({ operation: "write", key: "index", call: 1, fail: new UnavailableError("503") });
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [1]);
  assert.equal(await metric('tempodb_blocklist_tenant_index_errors_total{tenant="acme"}'), "1");
  assert.equal(store.objects.has(indexProtoKey("acme")), false);
  await list.poll();
  assert.equal(store.objects.has(indexProtoKey("acme")), true);
});

Deno.test("a look is repeated, and when too many tenants fail the rest wait for the next poll", async () => {
  const store = new MemoryObjectStore();
  const tenants = Array.from({ length: 6 }, (_, i) => `t${i}`);
  for (const [i, tenant] of tenants.entries()) await put(store, aMeta(i, i, tenant));
  const { list } = aList(store, undefined, { tenantsMax: 1, repeatsMax: 1 });
  await list.poll();
  for (const [i, tenant] of tenants.entries()) await put(store, aMeta(i + 10, i + 10, tenant));
  const fail = new UnavailableError("503");
  store.script({ operation: "list", key: "t0", call: 1, fail });
  for (const call of [1, 2]) store.script({ operation: "list", key: "t2", call, fail });
  await list.poll(); // t0 came at the second try, one failure is borne
  const seen = () => tenants.map((tenant) => list.blocks(tenant).length);
  assert.deepEqual(seen(), [2, 2, 1, 2, 2, 2]);
  for (const [i, tenant] of tenants.entries()) await put(store, aMeta(i + 20, i + 20, tenant));
  for (const key of ["t1", "t2", "t3"]) {
    for (const call of [1, 2]) store.script({ operation: "list", key, call, fail });
  }
  const before = store.calls.list;
  await assert.rejects(list.poll(), /5 of 6 tenants/);
  assert.equal(store.calls.list - before, 1 + 1 + 2 + 2, "the tenants, t0, t1 and t2 twice");
  assert.deepEqual(seen(), [3, 2, 1, 2, 2, 2]);
});

Deno.test("looks are spread over the jitter", async () => {
  const store = new MemoryObjectStore();
  for (const tenant of ["a", "b", "c"]) await put(store, aMeta(1, 1, tenant));
  const { list, clock } = aList(store, undefined, { jitterMs: 1000 });
  let isDone = false;
  const polling = list.poll().then(() => isDone = true);
  await clock.advance(1);
  assert.equal(isDone, false);
  await clock.advance(1000);
  assert.equal(isDone, true);
  await polling;
});

Deno.test("a tenant that stays empty is deleted after its time, one that gets a block is not", async () => {
  const ageMs = 60 * MINUTE_MS;
  const store = new LaggingStore();
  const { list, clock, metric } = aList(store, { role: "build", emptyTenantAgeMs: ageMs });
  for (const tenant of ["gone", "back", "left", "race"]) await put(store, aMeta(1, 1, tenant));
  await list.poll();
  for (const tenant of ["gone", "back", "left", "race"]) {
    await store.delete(metaKey(tenant, uuid(1)));
  }
  await store.write(`left/${uuid(1)}/data.parquet`, new Uint8Array(3));
  await list.poll();
  await clock.advance(ageMs - 1);
  await put(store, aMeta(2, 2, "back"));
  await list.poll();
  assert.equal(store.objects.has(indexProtoKey("gone")), true);
  assert.deepEqual(numbers((await readTenantIndex(store, "gone")).live), []);
  await clock.advance(1);
  store.lag(true); // the listing does not show it yet, the second one does
  await put(store, aMeta(3, 3, "race"));
  let listings = 0;
  store.beforeList = (prefix) => {
    if (prefix === "race/" && ++listings === 2) store.lag(false);
  };
  await list.poll();
  assert.equal(listings, 2);
  assert.equal(store.objects.has(indexProtoKey("race")), true);
  assert.equal(store.objects.has(indexProtoKey("gone")), false);
  assert.equal(store.objects.has(indexJsonKey("gone")), false);
  assert.deepEqual(numbers(list.blocks("back")), [2]);
  assert.equal(store.objects.has(metaKey("race", uuid(3))), true);
  assert.equal(store.objects.has(`left/${uuid(1)}/data.parquet`), true);
  assert.equal(await metric("segno_blocklist_empty_tenants_deleted_total"), "1");
});

Deno.test("of a tenant that is being deleted a block that comes meanwhile is found", async () => {
  const store = new LaggingStore();
  const { list } = aList(store, { role: "build", emptyTenantAgeMs: 0 });
  await put(store, aMeta(1));
  await list.poll();
  await store.delete(metaKey("acme", uuid(1)));
  await list.poll();
  store.lag(true);
  await put(store, aMeta(2)); // no listing shows it before the index is deleted
  await list.poll();
  assert.equal(store.objects.has(indexProtoKey("acme")), false);
  store.lag(false);
  await list.poll();
  assert.deepEqual(numbers(list.blocks("acme")), [2]);
  assert.equal(store.objects.has(indexProtoKey("acme")), true);
});

type Step =
  | { readonly kind: "put"; readonly tenant: string }
  | { readonly kind: "merge"; readonly tenant: string; readonly marks: number }
  | { readonly kind: "mark" | "delete"; readonly tenant: string }
  | { readonly kind: "poll"; readonly who: "builder" | "reader" | "lister" }
  | { readonly kind: "storm"; readonly operation: "read" | "list" | "write"; readonly call: number }
  | { readonly kind: "cut"; readonly tenant: string; readonly toBytes: number }
  | { readonly kind: "lag"; readonly isLagging: boolean };

const tenant = fc.constantFrom("a", "b");
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("put" as const), tenant }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("merge" as const), tenant, marks: fc.nat(2) }),
    },
    fc.record({ kind: fc.constantFrom("mark" as const, "delete" as const), tenant }),
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("poll" as const),
        who: fc.constantFrom("builder" as const, "reader" as const, "lister" as const),
      }),
    },
    fc.record({
      kind: fc.constant("storm" as const),
      operation: fc.constantFrom("read" as const, "list" as const, "write" as const),
      call: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ kind: fc.constant("cut" as const), tenant, toBytes: fc.nat(300) }),
    fc.record({ kind: fc.constant("lag" as const), isLagging: fc.boolean() }),
  ),
  { maxLength: 40 },
);

Deno.test("lists from indexes and from listings agree once the weather is over", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const store = new LaggingStore();
      const lists = {
        builder: aList(store, BUILD, { repeatsMax: 1 }).list,
        reader: aList(store, READ).list,
        lister: aList(store).list,
      };
      const live = new Map<string, BlockMeta[]>([["a", []], ["b", []]]);
      const compacted = new Map<string, BlockMeta[]>([["a", []], ["b", []]]);
      const merged: BlockMeta[] = [];
      let blocks = 0;
      const poll = async (who: keyof typeof lists) => {
        try {
          await lists[who].poll();
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error;
        }
        for (const { tenantID, blockID, replaces } of merged) {
          let shown: readonly BlockMeta[];
          try {
            shown = lists[who].blocks(tenantID);
          } catch {
            continue; // not seen so far, and says so
          }
          const ids = new Set(shown.map(({ blockID }) => blockID));
          if (ids.has(blockID)) replaces!.forEach((id) => assert.equal(ids.has(id), false));
        }
      };
      for (const step of steps) {
        switch (step.kind) {
          case "put": {
            const meta = aMeta(++blocks, blocks, step.tenant);
            await put(store, meta).catch(() => {});
            if (store.objects.has(metaKey(step.tenant, meta.blockID))) {
              live.get(step.tenant)!.push(meta);
            }
            break;
          }
          case "merge": {
            const inputs = live.get(step.tenant)!.splice(0, 2);
            if (inputs.length === 0) break;
            const meta = {
              ...aMeta(++blocks, blocks, step.tenant),
              compactionLevel: 1,
              replaces: inputs.map(({ blockID }) => blockID),
            };
            await put(store, meta).catch(() => {});
            if (!store.objects.has(metaKey(step.tenant, meta.blockID))) {
              live.get(step.tenant)!.unshift(...inputs);
              break;
            }
            merged.push(meta);
            live.get(step.tenant)!.push(meta);
            for (const input of inputs) await mark(store, input).catch(() => {});
            compacted.get(step.tenant)!.push(...inputs);
            break;
          }
          case "mark": {
            const meta = live.get(step.tenant)!.pop();
            if (meta === undefined) break;
            await mark(store, meta).catch(() => {});
            if (store.objects.has(metaKey(step.tenant, meta.blockID))) {
              live.get(step.tenant)!.push(meta);
            } else compacted.get(step.tenant)!.push(meta);
            break;
          }
          case "delete": {
            const meta = compacted.get(step.tenant)!.shift();
            if (meta === undefined) break;
            // As retention does: only of what is marked.
            if (store.objects.has(metaKey(step.tenant, meta.blockID))) break;
            await store.delete(compactedMetaKey(step.tenant, meta.blockID));
            break;
          }
          case "poll":
            await poll(step.who);
            break;
          case "storm":
            store.script({ ...step, fail: new UnavailableError("503") });
            break;
          case "cut": {
            const key = indexProtoKey(step.tenant);
            const bytes = store.objects.get(key);
            if (bytes !== undefined) store.objects.set(key, bytes.subarray(0, step.toBytes));
            break;
          }
          case "lag":
            store.lag(step.isLagging);
        }
      }
      store.lag(false);
      for (const who of ["builder", "lister", "reader"] as const) {
        for (let i = 0; i < 12; i++) await poll(who); // every storm passes
      }
      for (const tenant of ["a", "b"]) {
        const ids = (metas: readonly BlockMeta[]) => metas.map(({ blockID }) => blockID);
        const { builder, reader, lister } = lists;
        assert.deepEqual(ids(reader.blocks(tenant)), ids(lister.blocks(tenant)));
        assert.deepEqual(ids(builder.blocks(tenant)), ids(lister.blocks(tenant)));
        assert.deepEqual(ids(reader.compacted(tenant)), ids(lister.compacted(tenant)));
        assert.deepEqual(
          ids(lister.blocks(tenant)).sort(),
          ids(live.get(tenant)!).sort(),
        );
      }
    }),
    { numRuns: 150 },
  );
});
