import assert from "node:assert/strict";
import { lastOfEach } from "./last_of_each.ts";

async function* told<T>(...values: T[]): AsyncIterable<T> {
  for (const value of values) {
    await Promise.resolve();
    yield value;
  }
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

Deno.test("it begins when all have told something and ends with the last of each", async () => {
  const values = await all(lastOfEach([told(1, 2, 3), told(10), told(100, 200)]));
  assert.deepEqual(values.at(-1), [3, 10, 200]);
  for (const each of values) assert.ok(each.every((value) => value !== undefined));
  assert.deepEqual(await all(lastOfEach([told(1)])), [[1]]);
  assert.deepEqual(await all(lastOfEach([told(), told(1)])), []);
  assert.deepEqual(await all(lastOfEach([])), []);
});

Deno.test("the failure of one is the failure of all", async () => {
  const failing = (async function* () {
    yield 1;
    await Promise.resolve();
    throw new Error("broken");
  })();
  await assert.rejects(all(lastOfEach([told(1, 2), failing])), { message: "broken" });
});
