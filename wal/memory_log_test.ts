import assert from "node:assert/strict";
import { UnavailableError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { logContract, options, record, texts } from "./contract.ts";
import { MemoryLog } from "./memory_log.ts";

logContract("memory log", () => {
  const log = new MemoryLog(createRuntime(), { partitions: 2, valueBytesMax: 1 << 20 });
  return Promise.resolve({
    writer: log,
    reader: log,
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  });
});

Deno.test("memory log does what its script says", async () => {
  let failures = 1;
  const log = new MemoryLog(createRuntime(), {
    partitions: 1,
    before: ({ kind }) => {
      if (kind === "append" && failures-- > 0) throw new UnavailableError("the disk is full");
    },
  });
  await assert.rejects(log.append([record(0, "t", "lost")]), /the disk is full/);
  await log.append([record(0, "t", "kept")]);
  assert.deepEqual(await texts(log, 0), ["t:kept"]);
});

Deno.test("memory log forgets its oldest records as retention does", async () => {
  const log = new MemoryLog(createRuntime(), { partitions: 1 });
  await log.append(["a", "b", "c"].map((text) => record(0, "t", text)));
  log.forget(0, 2);
  assert.equal(await log.startOffset(0), 2);
  const { records, nextOffset } = await log.read(0, 0, options());
  assert.deepEqual(records.map(({ offset }) => offset), [2]);
  assert.equal(nextOffset, 3);
});
