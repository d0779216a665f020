import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { InputError, UnavailableError } from "../lib/errors.ts";
import { OsDirectory } from "../lib/fs.ts";
import { InvariantError } from "../lib/invariant.ts";
import { seededRandom } from "../lib/random.ts";
import { createRuntime, type Runtime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { logContract, type LogUnderTest, options, record, texts } from "./contract.ts";
import { EmbeddedLog } from "./embedded_log.ts";
import { EmbeddedLogReader } from "./embedded_log_reader.ts";
import { defaultEmbeddedLogOptions, type EmbeddedLogOptions } from "./embedded_log_options.ts";
import type { NewRecord } from "./log.ts";

const OPTIONS = {
  ...defaultEmbeddedLogOptions,
  partitions: 2,
  segmentBytesMax: 2000,
  valueBytesMax: 1 << 20,
};

logContract("embedded log on the disk", async () => {
  const { log, path } = await openOnDisk();
  return underTest(log, log, () => log[Symbol.asyncDispose](), path);
});

logContract("embedded log on a simulated disk", async () => {
  const { log } = await openSimulated(new SimulatedDisk(), { valueBytesMax: 1 << 20 });
  const close = () => log[Symbol.asyncDispose]();
  return { writer: log, reader: log, [Symbol.asyncDispose]: close };
});

logContract("embedded log with a reader fed by messages", async () => {
  const { log, path } = await openOnDisk();
  const directory = await OsDirectory.open(path);
  const reader = new EmbeddedLogReader(createRuntime(), directory, log, log.durable());
  log.onDurable((state) => queueMicrotask(() => reader.update(structuredClone(state))));
  return underTest(log, reader, async () => {
    await reader[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
  }, path);
});

Deno.test("embedded log has everything after a restart, and goes on counting", async () => {
  const disk = new SimulatedDisk();
  {
    const { log } = await openSimulated(disk);
    await log.append([record(0, "a", "one"), record(1, "b", "two")]);
    await log.commit("g", 0, 1);
    await log[Symbol.asyncDispose]();
  }
  const { log } = await openSimulated(disk);
  assert.deepEqual(await texts(log, 0), ["a:one"]);
  assert.deepEqual(await log.append([record(0, "a", "three")]), [1]);
  assert.deepEqual(await texts(log, 0), ["a:one", "a:three"]);
  assert.equal(await log.committedOffset("g", 0), 1);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log still reads partitions it is no longer configured for", async () => {
  const disk = new SimulatedDisk();
  const before = await openSimulated(disk, { partitions: 3 });
  await before.log.append([record(2, "t", "old")]);
  await before.log[Symbol.asyncDispose]();
  const { log } = await openSimulated(disk, { partitions: 1 });
  assert.deepEqual([...log.partitions], [0, 1, 2]);
  assert.deepEqual(await texts(log, 2), ["t:old"]);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log makes one group of the appends that wait for a sync", async () => {
  const clock = new SimulatedClock();
  const disk = new SimulatedDisk(clock);
  const { log, runtime } = await openSimulated(disk, {}, clock);
  disk.syncMs = 10;
  const acked: number[] = [];
  const append = (i: number) =>
    void log.append([record(0, "t", `${i}`)]).then(([offset]) => acked.push(offset!));
  append(0);
  await clock.advance(5);
  for (let i = 1; i <= 20; i++) append(i);
  await clock.advance(4);
  assert.deepEqual(acked, [], "nothing is answered before its sync");
  await clock.advance(1);
  assert.deepEqual(acked, [0]);
  await clock.advance(10);
  assert.equal(acked.length, 21);
  assert.match(await runtime.metrics.text(), /segno_log_commits_total 2\n/);
  disk.syncMs = 0;
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log refuses at once what would wait beyond its limit, and takes it later", async () => {
  const clock = new SimulatedClock();
  const disk = new SimulatedDisk(clock);
  const { log } = await openSimulated(disk, { pendingBytesMax: 1000 }, clock);
  disk.syncMs = 10;
  const first = log.append([record(0, "t", "x".repeat(600))]);
  await clock.advance(1);
  await assert.rejects(log.append([record(0, "t", "x".repeat(600))]), UnavailableError);
  const second = log.append([record(0, "t", "x".repeat(100))]);
  await clock.advance(30);
  assert.deepEqual(await Promise.all([first, second]), [[0], [1]]);
  assert.deepEqual(await appendIn(clock, log, record(0, "t", "x".repeat(600))), [2]);
  const tooLarge = [1, 2].map(() => record(0, "t", "x".repeat(500)));
  await assert.rejects(log.append(tooLarge), InputError);
  disk.syncMs = 0;
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log refuses while the disk is full and recovers by itself", async () => {
  const disk = new SimulatedDisk();
  const { log, runtime } = await openSimulated(disk);
  await log.append([record(0, "t", "before")]);
  const usedBytes = disk.usedBytes;
  disk.capacityBytes = usedBytes + 200;
  for (let i = 0; i < 5; i++) {
    const refused = log.append([record(0, "t", "x".repeat(500))]);
    await assert.rejects(refused, (error: Error) => {
      return error instanceof UnavailableError && /no space left on device/.test(error.message);
    });
  }
  assert.deepEqual(await texts(log, 0), ["t:before"]);
  assert.equal(disk.usedBytes, usedBytes, "what was written in part is given back");
  disk.capacityBytes = Infinity;
  assert.deepEqual(await log.append([record(0, "t", "after")]), [1]);
  assert.match(await runtime.metrics.text(), /segno_log_failed_commits_total 5\n/);
  await log[Symbol.asyncDispose]();
  const again = await openSimulated(disk);
  assert.deepEqual(await texts(again.log, 0), ["t:before", "t:after"]);
  await again.log[Symbol.asyncDispose]();
});

Deno.test("embedded log opens and serves on a full disk", async () => {
  const disk = new SimulatedDisk();
  const before = await openSimulated(disk);
  await before.log.append([record(0, "t", "before")]);
  await before.log[Symbol.asyncDispose]();
  disk.capacityBytes = disk.usedBytes;
  const { log } = await openSimulated(disk);
  assert.deepEqual(await texts(log, 0), ["t:before"]);
  await assert.rejects(log.append([record(0, "t", "x")]), UnavailableError);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log never trusts a segment again whose sync has failed", async () => {
  const disk = new SimulatedDisk();
  const { log } = await openSimulated(disk, { segmentBytesMax: 1 << 20 });
  await log.append([record(0, "t", "before")]);
  let failures = 1;
  disk.before = ({ kind }) => {
    if (kind === "sync" && failures-- > 0) throw new Error("input/output error");
  };
  await assert.rejects(log.append([record(0, "t", "lost")]), UnavailableError);
  await log.append([record(0, "t", "after")]);
  assert.deepEqual(await texts(log, 0), ["t:before", "t:after"]);
  disk.crash({ ...seededRandom(1), next: () => 0 });
  const again = await openSimulated(disk);
  assert.deepEqual(await texts(again.log, 0), ["t:before", "t:after"]);
  await again.log[Symbol.asyncDispose]();
});

Deno.test("embedded log rolls a record back whose writing throws, with its whole append", async () => {
  const { log } = await openSimulated(new SimulatedDisk(), { valueBytesMax: 4 << 20 });
  const broken: NewRecord = {
    partition: 0,
    tenant: "t",
    sizeBytes: 3 << 20,
    write: () => {
      throw new RangeError("broken");
    },
  };
  const good = log.append([record(0, "t", "good")]);
  await assert.rejects(log.append([record(0, "t", "not this"), broken]), /broken/);
  const more = log.append([record(0, "t", "more")]);
  assert.deepEqual(await Promise.all([good, more]), [[0], [1]]);
  assert.deepEqual(await texts(log, 0), ["t:good", "t:more"]);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log removes old segments, but none that a group is not done with", async () => {
  const clock = new SimulatedClock();
  const disk = new SimulatedDisk(clock);
  const parts = { groups: ["g", "h"], retentionMs: 1000, segmentBytesMax: 600 };
  const { log } = await openSimulated(disk, parts, clock);
  for (let i = 0; i < 6; i++) await appendIn(clock, log, record(i % 2, "t", `${i}`.padEnd(300)));
  const reader = log.openReader();
  await reader.read(0, 0, options());
  await clock.advance(5000);
  assert.equal(await log.retain(), 0, "nobody has committed");
  for (const partition of [0, 1]) await log.commit("g", partition, 3);
  assert.equal(await log.retain(), 0, "h has not");
  await log.commit("h", 0, 2);
  await log.commit("h", 1, 1);
  assert.equal(await log.retain(), 3);
  assert.equal(await log.startOffset(0), 2);
  assert.equal(await log.startOffset(1), 1);
  assert.deepEqual((await texts(log, 1)).map((text) => text.trim()), ["t:3", "t:5"]);
  assert.deepEqual((await texts(reader, 0)).map((text) => text.trim()), ["t:4"]);
  await log.commit("h", 0, 3);
  await log.commit("h", 1, 3);
  await clock.advance(parts.retentionMs + defaultEmbeddedLogOptions.retentionCheckMs);
  assert.equal(await log.startOffset(1), 2, "all but the newest, by itself");
  await reader[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
  const again = await openSimulated(disk, parts, clock);
  assert.deepEqual(await again.log.append([record(0, "t", "next")]), [3]);
  await again.log[Symbol.asyncDispose]();
});

Deno.test("embedded log removes young segments when it is too large", async () => {
  const disk = new SimulatedDisk();
  const parts = { groups: [], retentionBytesMax: 2000, segmentBytesMax: 600 };
  const { log } = await openSimulated(disk, parts);
  for (let i = 0; i < 10; i++) await log.append([record(0, "t", `${i}`.padEnd(300))]);
  assert.ok(await log.retain() >= 5);
  assert.ok(disk.usedBytes <= 2000);
  assert.equal((await texts(log, 0)).at(-1)!.trim(), "t:9");
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log refuses a commit beyond its end", async () => {
  const { log } = await openSimulated(new SimulatedDisk());
  await assert.rejects(log.commit("g", 0, 1), InvariantError);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log has one owner", async () => {
  const { log, path } = await openOnDisk();
  const again = OsDirectory.open(path).then((directory) => {
    return EmbeddedLog.open(createRuntime(), directory, OPTIONS);
  });
  await assert.rejects(again, UnavailableError);
  await log[Symbol.asyncDispose]();
  await Deno.remove(path, { recursive: true });
});

Deno.test("embedded log finishes what waits when it is closed, then refuses", async () => {
  const disk = new SimulatedDisk();
  const { log } = await openSimulated(disk);
  const appended = log.append([record(0, "t", "last")]);
  await Promise.all([log[Symbol.asyncDispose](), log[Symbol.asyncDispose]()]);
  assert.deepEqual(await appended, [0]);
  await assert.rejects(log.append([record(0, "t", "late")]), UnavailableError);
  const again = await openSimulated(disk);
  assert.deepEqual(await texts(again.log, 0), ["t:last"]);
  await again.log[Symbol.asyncDispose]();
});

Deno.test("embedded log lets waiting readers go when it is closed", async () => {
  const { log } = await openSimulated(new SimulatedDisk());
  const waiting = log.read(0, 0, options({ waitMs: 60_000 }));
  await Promise.all([log[Symbol.asyncDispose](), assert.rejects(waiting, UnavailableError)]);
  await assert.rejects(log.read(0, 0, options()), UnavailableError);
});

Deno.test("embedded log reader sees nothing its owner has not said to be durable", async () => {
  const { log, path } = await openOnDisk();
  const directory = await OsDirectory.open(path);
  const reader = new EmbeddedLogReader(createRuntime(), directory, log, log.durable());
  await log.append([record(0, "t", "one")]);
  const one = log.durable();
  await log.append([record(0, "t", "two")]);
  assert.deepEqual(await texts(reader, 0), []);
  reader.update(one);
  assert.deepEqual(await texts(reader, 0), ["t:one"]);
  reader.update(log.durable());
  assert.deepEqual(await texts(reader, 0), ["t:one", "t:two"]);
  await reader[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
  await Deno.remove(path, { recursive: true });
});

Deno.test("embedded log reader jumps over nothing that becomes durable while it reads", async () => {
  const disk = new SimulatedDisk();
  const { log } = await openSimulated(disk);
  await log.append([record(0, "t", "one")]);
  const reader = log.openReader();
  let isFirst = true;
  disk.before = async ({ kind }) => {
    if (kind !== "read" || !isFirst) return;
    isFirst = false;
    await log.append([record(0, "t", "two")]);
  };
  assert.deepEqual(await texts(reader, 0), ["t:one", "t:two"]);
  assert.equal(isFirst, false);
  await reader[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log reader takes a segment removed behind its back for no damage", async () => {
  const disk = new SimulatedDisk();
  const parts = { groups: [], retentionBytesMax: 1000, segmentBytesMax: 600 };
  const { log, runtime } = await openSimulated(disk, parts);
  for (let i = 0; i < 10; i++) await log.append([record(0, "t", `${i}`.padEnd(300))]);
  const late = new EmbeddedLogReader(runtime, disk.mount(), log, log.durable());
  assert.ok(await log.retain() > 0);
  assert.equal((await texts(late, 0)).at(-1)!.trim(), "t:9");
  assert.match(await runtime.metrics.text(), /segno_log_corrupt_segments_total 0\n/);
  await late[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log has a committed offset after a power cut as soon as commit resolves", async () => {
  const disk = new SimulatedDisk();
  const { log } = await openSimulated(disk);
  await log.append([1, 2, 3].map((i) => record(0, "t", `${i}`)));
  await log.commit("g", 0, 2);
  await log.commit("g", 0, 3);
  disk.crash({ ...seededRandom(1), next: () => 0 });
  const again = await openSimulated(disk);
  assert.equal(await again.log.committedOffset("g", 0), 3);
  await again.log[Symbol.asyncDispose]();
});

async function appendIn(clock: SimulatedClock, log: EmbeddedLog, record: NewRecord) {
  const appended = log.append([record]);
  await clock.advance(100);
  return await appended;
}

async function openSimulated(
  disk: SimulatedDisk,
  parts: Partial<EmbeddedLogOptions> = {},
  clock = new SimulatedClock(1),
): Promise<{ log: EmbeddedLog; runtime: Runtime }> {
  const runtime = createRuntime({ clock });
  const log = await EmbeddedLog.open(runtime, disk.mount(), { ...OPTIONS, ...parts });
  return { log, runtime };
}

async function openOnDisk(): Promise<{ log: EmbeddedLog; path: string }> {
  const path = await Deno.makeTempDir({ prefix: "segno-wal-" });
  return {
    log: await EmbeddedLog.open(createRuntime(), await OsDirectory.open(path), OPTIONS),
    path,
  };
}

function underTest(
  writer: EmbeddedLog,
  reader: EmbeddedLog | EmbeddedLogReader,
  close: () => Promise<void>,
  path: string,
): LogUnderTest {
  return {
    writer,
    reader,
    async [Symbol.asyncDispose]() {
      await close();
      await Deno.remove(path, { recursive: true });
    },
  };
}
