import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { record } from "../contract.ts";
import { AppendQueue, type QueuedRecord } from "./append_queue.ts";

const options = { recordBytesMax: 100, batchBytesMax: 100, bufferedBytesMax: 1000 };
const text = (records: readonly QueuedRecord[]) =>
  records.map(({ partition, value }) => `${partition}:${new TextDecoder().decode(value)}`);

Deno.test("a request takes what there is, as much for each partition as a batch may hold", () => {
  const queue = new AppendQueue(options);
  queue.add([record(0, "t", "a".repeat(60)), record(1, "t", "b".repeat(60))], 0);
  queue.add([record(0, "t", "c".repeat(60)), record(1, "t", "d")], 0);
  assert.deepEqual(text(queue.take()).map((line) => line.slice(0, 3)), ["0:a", "1:b"]);
  assert.deepEqual(text(queue.take()).map((line) => line.slice(0, 3)), ["0:c", "1:d"]);
  assert.ok(queue.isEmpty);
});

Deno.test("an append is answered when its last record is stored, with offsets in its own order", async () => {
  const queue = new AppendQueue(options);
  const append = queue.add([record(0, "t", "a"), record(1, "t", "b"), record(0, "t", "c")], 0);
  const [a, b, c] = queue.take();
  let isSettled = false;
  append.settled.then(() => isSettled = true);
  queue.stored(c!, 8);
  queue.stored(b!, 3);
  await Promise.resolve();
  assert.equal(isSettled, false);
  queue.stored(a!, 7);
  assert.deepEqual(await append.settled, [7, 3, 8]);
  assert.deepEqual(await queue.add([], 0).settled, []);
});

Deno.test("an append of which one record fails fails, and what is settled makes room", async () => {
  const queue = new AppendQueue({ ...options, bufferedBytesMax: 10 });
  const append = queue.add([record(0, "t", "12345"), record(1, "t", "12345")], 0);
  assert.throws(() => queue.add([record(0, "t", "x")], 0), UnavailableError);
  const [first, second] = queue.take();
  queue.failed(first!, new UnavailableError("storm"));
  queue.stored(second!, 0);
  await assert.rejects(append.settled, /storm/);
  assert.equal(queue.bufferedBytes, 0);
  queue.add([record(0, "t", "x")], 0);
});

Deno.test("a record over the limit refuses the whole append; one alone may pass the buffer's limit", () => {
  const queue = new AppendQueue({ ...options, bufferedBytesMax: 10 });
  assert.throws(
    () => queue.add([record(0, "t", "a"), record(0, "t", "b".repeat(101))], 0),
    InputError,
  );
  assert.ok(queue.isEmpty);
  queue.add([record(0, "t", "b".repeat(50))], 0);
  assert.equal(queue.bufferedBytes, 50);
});

Deno.test("whatever is added comes out once, in order within its partition, in batches within limits", () => {
  const appends = fc.array(
    fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 100 })), { maxLength: 6 }),
  );
  fc.assert(fc.property(appends, (appends) => {
    const queue = new AppendQueue({ ...options, bufferedBytesMax: 1e9 });
    const added: string[][] = [[], [], [], []];
    let count = 0;
    for (const append of appends) {
      const records = append.map(([partition, size]) => {
        const name = String(count++).padEnd(size, ".").slice(0, 100);
        added[partition]!.push(`${partition}:${name}`);
        return record(partition, "t", name);
      });
      queue.add(records, 0);
    }
    const taken: string[][] = [[], [], [], []];
    while (!queue.isEmpty) {
      const records = queue.take();
      assert.ok(records.length > 0);
      for (const partition of [0, 1, 2, 3]) {
        const own = records.filter((one) => one.partition === partition);
        const bytes = own.reduce((sum, { value }) => sum + value.length, 0);
        assert.ok(own.length <= 1 || bytes <= options.batchBytesMax);
        taken[partition]!.push(...text(own));
      }
    }
    assert.deepEqual(taken, added);
  }));
});
