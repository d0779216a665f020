import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { BlockList, MemoryObjectStore } from "../../storage/mod.ts";
import { putBlock, T0_MS, TENANT } from "../../tests/support/small_blocks.ts";
import { LocalBlocks } from "./local_blocks.ts";

const NEVER = new AbortController().signal;
const MINUTE = 60_000;

class World {
  readonly clock = new SimulatedClock(T0_MS);
  readonly store = new MemoryObjectStore();
  built: number | undefined;
  end = 0;
  listedMs = 0;
  list!: BlockList;
  own!: LocalBlocks;

  async start(): Promise<void> {
    const runtime = createRuntime({ clock: this.clock });
    this.list = new BlockList(runtime, this.store, { readsMax: 4 });
    await this.list.poll();
    this.own = new LocalBlocks(
      runtime,
      this.store,
      this.list,
      {
        builtOffset: () => Promise.resolve(this.built),
        endOffset: () => Promise.resolve(this.end),
      },
      [3],
      {
        keepMs: 20 * MINUTE,
        listedMs: this.listedMs,
        graceMs: 2 * MINUTE,
        leftoverGraceMs: 60 * MINUTE,
        everyMs: 30_000,
      },
    );
  }

  /** The section that ends at `nextOffset` has become a block. */
  async announce(block: number, nextOffset: number): Promise<BlockMeta> {
    const meta = await putBlock(this.store, block, [[block, block]]);
    this.end = Math.max(this.end, nextOffset);
    await this.own.announce({ blocks: [meta], superseded: [], partition: 3, nextOffset });
    return meta;
  }

  async round(minutes: number): Promise<number[]> {
    await this.clock.advance(minutes * MINUTE);
    await this.own.round(NEVER);
    return this.list.blocks(TENANT).map(({ blockID }) => Number(blockID.slice(-12))).sort();
  }

  get folders(): number {
    return new Set([...this.store.objects.keys()].map((key) => key.split("/")[1])).size;
  }
}

Deno.test("a block is kept while it is young, and until block-builders have all that it holds", async () => {
  const world = new World();
  await world.start();
  await world.announce(1, 10);
  await world.announce(2, 20);
  world.built = 10;
  assert.deepEqual(await world.round(19), [1, 2], "both are young");
  assert.deepEqual(await world.round(2), [2], "nobody else has the second");
  assert.deepEqual(await world.round(60), [2]);
  world.built = 19;
  assert.deepEqual(await world.round(1), [2]);
  world.built = 20;
  assert.deepEqual(await world.round(1), []);
});

Deno.test("what block-builders have late is kept until queriers have listed it there", async () => {
  const world = new World();
  world.listedMs = 10 * MINUTE;
  await world.start();
  await world.announce(1, 10);
  await world.announce(2, 20);
  world.built = 10;
  assert.deepEqual(await world.round(11), [1, 2]);
  assert.deepEqual(await world.round(11), [2], "the first was built in time");
  await world.round(30);
  world.built = 20;
  assert.deepEqual(await world.round(1), [2]);
  assert.deepEqual(await world.round(9), [2], "nobody need know of the other block yet");
  assert.deepEqual(await world.round(1), []);
});

Deno.test("what is hidden is deleted after a grace, by the next life too", async () => {
  const world = new World();
  await world.start();
  await world.announce(1, 10);
  await world.announce(2, 20);
  world.built = 10;
  await world.round(25);
  assert.equal(world.folders, 2, "queries may have it open");
  await world.round(1);
  assert.equal(world.folders, 2);
  await world.start();
  await world.round(1);
  assert.equal(world.folders, 1);
  world.built = 20;
  await world.round(1);
  await world.round(3);
  assert.equal(world.folders, 0);
});

Deno.test("of blocks of a former life it is only known that they end where the log did", async () => {
  const world = new World();
  await world.start();
  await world.announce(1, 10);
  world.end = 50;
  await world.start();
  await world.round(0);
  world.end = 99;
  world.built = 49;
  assert.deepEqual(await world.round(30), [1]);
  world.built = 50;
  assert.deepEqual(await world.round(1), []);
});

Deno.test("while the log cannot be reached nothing goes", async () => {
  const world = new World();
  await world.start();
  await world.announce(1, 10);
  world.built = undefined;
  assert.deepEqual(await world.round(90), [1]);
});

Deno.test("objects that a crash has left without a meta are swept", async () => {
  const world = new World();
  await world.start();
  const { blockID } = await world.announce(1, 10);
  world.store.objects.delete(`${TENANT}/${blockID}/meta.json`);
  await world.start();
  await world.announce(2, 20); // a tenant without any block is not looked at
  await world.round(1);
  assert.equal(world.folders, 2);
  await world.round(61);
  assert.equal(world.folders, 1);
});
