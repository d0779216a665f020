// The scheduler's memory on a disk that forgets what was not synced.
import assert from "node:assert/strict";
import fc from "fast-check";
import { UnavailableError } from "../../lib/errors.ts";
import type { Directory } from "../../lib/fs.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import { schedulerMetrics } from "./scheduler_metrics.ts";
import { WorkBook } from "./work_book.ts";
import { WorkJournal } from "./work_journal.ts";
import { MIRROR_KEY, writeMirror } from "./work_mirror.ts";
import { type WorkEvent, WorkState } from "./work_state.ts";

const NEVER = new AbortController().signal;

const event = (n: number): WorkEvent => ({
  type: "job_created",
  job: {
    id: `job-${n}`,
    tenant: "acme",
    detail: { kind: "compaction", inputs: [`a${n}`, `b${n}`] },
  },
  atMs: n,
});

const jobs = ({ jobs }: WorkState) => [...jobs.keys()];
const names = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);

async function bytesOf(directory: Directory, name: string): Promise<Uint8Array> {
  const file = await directory.open(name, "read");
  const bytes = new Uint8Array(await file.sizeBytes());
  await file.read(bytes, 0);
  file.close();
  return bytes;
}

async function logOf(directory: Directory): Promise<string> {
  return (await directory.list()).find((name) => name.endsWith(".log"))!;
}

async function written(disk: SimulatedDisk, count: number): Promise<Directory> {
  const directory = disk.mount();
  const { journal, state } = await WorkJournal.open(directory);
  await journal.begin(state);
  for (let n = 0; n < count; n++) await journal.append([event(n)]);
  await journal[Symbol.asyncDispose]();
  return directory;
}

Deno.test("what was appended is there after it was opened again, and only one file is", async () => {
  const directory = await written(new SimulatedDisk(), 3);
  const { journal, state, damage } = await WorkJournal.open(directory);
  assert.deepEqual([jobs(state), damage], [names(3), []]);
  await assert.rejects(WorkJournal.open(directory), UnavailableError);
  await journal.begin(state);
  await journal[Symbol.asyncDispose]();
  const logs = (await directory.list()).filter((name) => name !== "work.lock");
  assert.deepEqual(logs, ["work-0000000002.log"]);
});

Deno.test("whatever the disk forgets in a crash, what was told to somebody is remembered", async () => {
  await fc.assert(fc.asyncProperty(fc.nat(40), fc.nat(), async (operation, seed) => {
    const disk = new SimulatedDisk();
    const random = seededRandom(seed);
    let left = operation;
    let told = 0;
    disk.before = () => {
      if (left-- === 0) throw new UnavailableError("power is failing");
    };
    try {
      for (let life = 0; life < 3; life++) {
        const directory = disk.mount();
        const { journal, state } = await WorkJournal.open(directory);
        await journal.begin(state);
        for (let n = 0; n < 2; n++) {
          if (journal.isLong) await journal.begin(state);
          await journal.append([event(told)]);
          state.apply(event(told));
          told++;
        }
        await journal[Symbol.asyncDispose]();
      }
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
    disk.before = undefined;
    disk.crash(random);
    const { state, journal } = await WorkJournal.open(disk.mount());
    // The last one may be there although nobody was told.
    assert.deepEqual(jobs(state).slice(0, told), names(told));
    assert.ok(state.jobs.size <= told + 1);
    await journal[Symbol.asyncDispose]();
  }));
});

Deno.test("a file cut anywhere gives its whole events; changed anywhere, some or none, never others", async () => {
  const whole = await written(new SimulatedDisk(), 4);
  const bytes = await bytesOf(whole, await logOf(whole));
  await fc.assert(fc.asyncProperty(
    fc.nat(bytes.length - 1),
    fc.option(fc.integer({ min: 1, max: 255 })),
    async (at, change) => {
      const disk = new SimulatedDisk();
      const directory = disk.mount();
      const changed = change === null ? bytes.slice(0, at) : bytes.slice();
      if (change !== null) changed[at]! ^= change;
      const file = await directory.open("work-0000000001.log", "create");
      await file.write(changed, 0);
      file.close();
      const { state, damage, journal } = await WorkJournal.open(directory);
      assert.deepEqual(jobs(state), names(state.jobs.size));
      if (change !== null) assert.ok(state.jobs.size < 4);
      if (state.jobs.size === 0 && damage.length > 0) {
        assert.ok((await directory.list()).includes("work-0000000001.log.damaged"));
      }
      await journal.begin(state);
      await journal[Symbol.asyncDispose]();
    },
  ));
});

async function openBook(disk: SimulatedDisk, store: MemoryObjectStore) {
  const runtime = createRuntime();
  const metrics = schedulerMetrics(runtime.metrics);
  const book = await WorkBook.open(runtime, disk.mount(), store, metrics, NEVER);
  const damage = (await metrics.damage.get()).values.reduce((sum, { value }) => sum + value, 0);
  return { book, damage };
}

Deno.test("without its disk the scheduler goes on from the copy in the bucket; the newer one counts", async () => {
  const store = new MemoryObjectStore();
  const disk = new SimulatedDisk();
  const first = (await openBook(disk, store)).book;
  await first.record(event(0));
  await first.mirror(NEVER);
  await first.record(event(1));
  await first[Symbol.asyncDispose]();

  const elsewhere = (await openBook(new SimulatedDisk(), store)).book;
  assert.deepEqual(jobs(elsewhere.state), names(1));
  await elsewhere[Symbol.asyncDispose]();

  const again = (await openBook(disk, store)).book;
  assert.deepEqual(jobs(again.state), names(2), "the journal is newer than the copy");
  await again[Symbol.asyncDispose]();

  const newer = new WorkState();
  for (let n = 0; n < 9; n++) newer.apply(event(n));
  await writeMirror(store, newer, NEVER);
  const back = (await openBook(disk, store)).book;
  assert.deepEqual(jobs(back.state), names(9), "it has run elsewhere meanwhile");
  await back[Symbol.asyncDispose]();
});

Deno.test("a peer's state in the bucket, or garbage, is counted and passed over", async () => {
  for (
    const text of ['{"jobs":{"a":{}}}', "\u0000garbage", '{"format":"segno-work/1","state":{}}']
  ) {
    const store = new MemoryObjectStore();
    await store.write(MIRROR_KEY, new TextEncoder().encode(text));
    const { book, damage } = await openBook(new SimulatedDisk(), store);
    assert.deepEqual([jobs(book.state), damage], [[], 1], text);
    await book.record(event(0));
    await book.mirror(NEVER);
    await book[Symbol.asyncDispose]();
    const { book: next } = await openBook(new SimulatedDisk(), store);
    assert.deepEqual(jobs(next.state), names(1));
    await next[Symbol.asyncDispose]();
  }
});

Deno.test("when the disk is full nothing is believed that is not written, and later it goes on", async () => {
  const disk = new SimulatedDisk();
  const { book } = await openBook(disk, new MemoryObjectStore());
  await book.record(event(0));
  disk.before = ({ kind }) => {
    if (kind === "write") throw new UnavailableError("disk full");
  };
  await assert.rejects(book.record(event(1)), UnavailableError);
  await assert.rejects(book.record(event(1)), UnavailableError);
  assert.deepEqual(jobs(book.state), names(1));
  disk.before = undefined;
  await book.record(event(1));
  await book[Symbol.asyncDispose]();
  const { book: again } = await openBook(disk, new MemoryObjectStore());
  assert.deepEqual(jobs(again.state), names(2));
  await again[Symbol.asyncDispose]();
});
