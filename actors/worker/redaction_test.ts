// Redaction from the wish to the receipt, on a simulated clock and a store with weather. Laws: what was to
// go is gone from every block, everything else is there once, and a receipt says what went.
import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { dataKey } from "../../model/block_meta.ts";
import { traceIdOf } from "../../tests/support/records.ts";
import {
  assertClean,
  assertHeld,
  begin,
  census,
  HOUR_MS,
  type Life,
  newWorld,
  pass,
  put,
  putFour,
  T0_MS,
  visible,
  whenAwaited,
  type World,
} from "../../tests/support/upkeep_world.ts";
import type { RedactionWish } from "../scheduler/job.ts";
import { checkedWish } from "../scheduler/redaction_wish.ts";
import { batchesWithReceipts, readReceipts } from "./receipts.ts";

const NEVER = new AbortController().signal;

const wishOf = (changes: Partial<RedactionWish> = {}): RedactionWish =>
  checkedWish({
    traceIds: changes.query === undefined ? [traceIdOf(9).toHex()] : [],
    query: "",
    mode: "apply",
    startSeconds: 0,
    endSeconds: 0,
    requestedBy: "dpo",
    ...changes,
  });

async function redact(world: World, life: Life, wish: RedactionWish) {
  await pass(world.clock, 100);
  const submitted = life.scheduler.redact("acme", wish, NEVER);
  submitted.catch(() => {});
  for (let i = 0; i < 5; i++) await pass(world.clock, 40);
  return await submitted;
}

const batchOf = (life: Life, id: string) => life.scheduler.scheduler!.book.state.batches.get(id)!;

Deno.test("a trace is gone from every block it lay in, and each has its receipt", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  // Blocks of different windows, so that they are not merged before.
  const life = await begin(world, { scheduler: { cycleMinMs: 1e9, measureEveryMs: 1e9 } });
  await pass(world.clock, 60_000);
  const [merged] = life.list.blocks("acme");
  await put(world, "acme", 7, [[9, [90, 91]], [5, [50]]], T0_MS - 3 * HOUR_MS);
  await put(world, "acme", 8, [[9, [92]]], T0_MS - 5 * HOUR_MS);
  await life.list.poll();
  const { batchId, jobs } = await redact(world, life, wishOf());
  assert.equal(jobs, 3);
  await pass(world.clock, 60_000);
  acme.delete(9);
  const wanted = new Map(
    [...acme, [5, [50]] as const].map(([trace, spans]) => [trace, [...spans]]),
  );
  await assertHeld(world, life, "acme", wanted);
  const receipts = await readReceipts(world.store, "acme", batchId, NEVER);
  const told = receipts.map(({ blockId, state, traceIds, spans, newBlockId }) => [
    ...[blockId.slice(-2), state, traceIds.length, spans, newBlockId !== undefined],
  ]);
  assert.deepEqual(
    told.sort(),
    [
      ["07", "removed", 1, 2, true],
      ["08", "removed", 1, 1, false],
      [merged!.blockID.slice(-2), "removed", 1, 3, true],
    ].sort(),
  );
  assert.equal(receipts[0]!.wish.requestedBy, "dpo");
  assert.deepEqual(receipts[0]!.traceIds, [traceIdOf(9).toHex()]);
  assert.match(receipts[0]!.at, /^2026-01-01T12:0/);
  assert.deepEqual(await batchesWithReceipts(world.store, "acme", NEVER), [batchId]);
  assert.equal(
    await life.metric(
      'tempo_backend_scheduler_redaction_traces_found_total{tenant="acme",mode="apply"}',
    ),
    3,
  );
  assert.equal(batchOf(life, batchId).state, "open", "it waits for its last look");
  await pass(world.clock, 320_000, 5_000);
  const { state, traces, spans, generation } = batchOf(life, batchId);
  assert.deepEqual([state, traces, spans, generation], ["done", 3, 6, 1]);
  await pass(world.clock, 3 * HOUR_MS);
  const { compacted, leaked } = census(world);
  assert.deepEqual([compacted, leaked], [0, []], "the old blocks are deleted like all others");
  await life.stop();
});

Deno.test("the receipt is there before the traces go, and says that they are about to", async () => {
  const world = newWorld();
  await put(world, "acme", 1, [[9, [1]], [0, [2]]]);
  const life = await begin(world);
  await pass(world.clock, 100);
  let then: string | undefined;
  const look = () => {
    const [, bytes] = [...world.store.objects].find(([key]) => key.includes("/redactions/")) ?? [];
    then = bytes && JSON.parse(new TextDecoder().decode(bytes)).state;
  };
  world.store.script({ operation: "write", key: "/meta.json", call: 1, delay: whenAwaited(look) });
  await redact(world, life, wishOf());
  await pass(world.clock, 60_000);
  assert.equal(then, "removing");
  await life.stop();
});

Deno.test("a query names the traces, whole, and within its time only", async () => {
  const world = newWorld();
  await put(world, "acme", 1, [[0, [1]], [1, [2]]], T0_MS - 3 * HOUR_MS);
  await put(world, "acme", 2, [[2, [3]]], T0_MS - 30 * HOUR_MS);
  const life = await begin(world, { scheduler: { cycleMinMs: 1e9, measureEveryMs: 1e9 } });
  const service = '{ resource.service.name = "cart" || span.absent = 3 }';
  const before = await visible(world, life, "acme");
  assert.equal(before.spans.size, 3);
  const end = Math.floor((T0_MS - 20 * HOUR_MS) / 1000);
  const time = { startSeconds: 1, endSeconds: end };
  const { jobs, batchId } = await redact(world, life, wishOf({ query: service, ...time }));
  assert.equal(jobs, 1, "one block is of that time");
  await pass(world.clock, 60_000);
  const receipts = await readReceipts(world.store, "acme", batchId, NEVER);
  assert.equal(receipts.length, 1);
  assert.deepEqual(receipts[0]!.traceIds, [traceIdOf(2).toHex()]);
  const { spans } = await visible(world, life, "acme");
  assert.deepEqual([...spans.keys()], [0, 1]);
  await life.stop();
});

Deno.test("a dry run tells what would go, and changes nothing", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const life = await begin(world);
  await pass(world.clock, 60_000);
  const { batchId } = await redact(world, life, wishOf({ mode: "dry_run" }));
  await pass(world.clock, 70_000, 5_000);
  const [receipt] = await readReceipts(world.store, "acme", batchId, NEVER);
  assert.deepEqual([receipt!.state, receipt!.spans], ["found", 3]);
  assert.equal(batchOf(life, batchId).state, "done", "there is nothing to come back for");
  await pass(world.clock, 8 * HOUR_MS);
  await assertClean(world, life, new Map([["acme", acme]]));
  await life.stop();
});

Deno.test("what becomes a block while a batch is open is found by its next look", async () => {
  const world = newWorld();
  await put(world, "acme", 1, [[9, [1]], [0, [2]]]);
  const life = await begin(world);
  const { batchId } = await redact(world, life, wishOf());
  await pass(world.clock, 60_000);
  await put(world, "acme", 2, [[9, [3]], [1, [4]]]);
  await pass(world.clock, 700_000, 5_000);
  assert.deepEqual((await visible(world, life, "acme")).spans, new Map([[0, [2]], [1, [4]]]));
  const { state, generation, traces } = batchOf(life, batchId);
  assert.deepEqual([state, generation, traces], ["done", 2, 2]);
  await life.stop();
});

Deno.test("a block that is being merged is left to the next look, and the tenant merges nothing new", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const gate = Promise.withResolvers<void>();
  world.store.script({ operation: "write", key: "/bloom", call: 1, delay: gate.promise });
  const life = await begin(world);
  await pass(world.clock, 1_000);
  const { batchId, jobs } = await redact(world, life, wishOf());
  assert.equal(jobs, 0, "all four are in a job");
  await put(world, "acme", 7, [[3, [70]]]);
  await put(world, "acme", 8, [[3, [71]]]);
  await life.list.poll();
  gate.resolve();
  await pass(world.clock, 60_000);
  assert.equal(life.list.blocks("acme").length, 3, "merging is paused");
  await pass(world.clock, 900_000, 5_000);
  assert.equal(batchOf(life, batchId).state, "done");
  acme.delete(9);
  await assertHeld(world, life, "acme", new Map([...acme, [3, [70, 71]]]));
  await pass(world.clock, 120_000);
  assert.ok(life.list.blocks("acme").length < 3, "and goes on afterwards");
  await life.stop();
});

Deno.test("a block that cannot be read fails the batch in the end, loudly; all others are done", async () => {
  const world = newWorld();
  await put(world, "acme", 1, [[9, [1]], [0, [2]]]);
  const bad = await put(world, "acme", 2, [[9, [3]], [1, [4]]], T0_MS - 5 * HOUR_MS);
  world.store.objects.get(dataKey("acme", bad.blockID))!.fill(0xff);
  const life = await begin(world);
  const { batchId } = await redact(world, life, wishOf());
  await pass(world.clock, 0.8 * HOUR_MS, 10_000);
  const { state, error, traces, generation } = batchOf(life, batchId);
  assert.deepEqual([state, traces, generation], ["given_up", 1, 5]);
  assert.match(error, new RegExp(bad.blockID));
  await life.stop();
});

Deno.test("one batch of a tenant at a time, and none of nothing", async () => {
  const world = newWorld();
  await putFour(world, "acme", 1);
  const life = await begin(world);
  const past = { startSeconds: 1, endSeconds: 1000 };
  await assert.rejects(redact(world, life, wishOf(past)), /no blocks of this tenant in that time/);
  await redact(world, life, wishOf());
  await assert.rejects(redact(world, life, wishOf()), /is running/);
  await life.stop();
});

Deno.test("a wish that could mean more than was meant is refused", () => {
  const refused = (changes: Partial<RedactionWish>, message: RegExp) =>
    assert.throws(() => wishOf(changes), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      return true;
    });
  assert.deepEqual(wishOf({ traceIds: ["AB", "ab"] }).traceIds, ["ab".padStart(32, "0")]);
  assert.ok(wishOf({ query: '{ span.a = "b" && (resource.c = 3 || span.d = true) }' }));
  refused({ traceIds: [] }, /either trace ids or a query/);
  refused({ traceIds: ["a"], query: "{ span.a = 1 }" }, /either trace ids or a query/);
  refused({ traceIds: ["xyz"] }, /trace id "xyz"/);
  refused({ startSeconds: 5, endSeconds: 4 }, /before it ends/);
  for (
    const query of [
      ...["{}", "{ span.a != 1 }", "{ span.a > 1 }", "{ .a = 1 }", "{ name = `x` }"],
      ...[
        "{ span.a = span.b }",
        "{ span.a = 1 } && { span.b = 1 }",
        "{ span.a = 1 } | count() > 1",
      ],
      ...["{ span.a =~ `x` }", "{ span.a = 1 } | rate()", "{ true }", "{ !(span.a = 1) }"],
    ]
  ) refused({ query }, /redaction's query/);
  refused({ query: "{ span.a = " }, /parse error|syntax/);
});
