import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../lib/clock.ts";
import { OsDirectory } from "../lib/fs.ts";
import { seededRandom } from "../lib/random.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { options, record } from "./contract.ts";
import type { DurableState } from "./durable_state.ts";
import { EmbeddedLog } from "./embedded_log.ts";
import { EmbeddedLogReader } from "./embedded_log_reader.ts";
import { defaultEmbeddedLogOptions } from "./embedded_log_options.ts";

const PARTITIONS = [0, 1, 2];
const OPTIONS = {
  ...defaultEmbeddedLogOptions,
  partitions: PARTITIONS.length,
  segmentBytesMax: 4000,
  retentionBytesMax: 8000,
  groups: ["g"],
};

Deno.test("readers that follow the log see every record once, however late they hear of it", async () => {
  const appends = fc.array(
    fc.record({
      sizes: fc.array(fc.tuple(fc.nat(2), fc.nat(700)), { minLength: 1, maxLength: 5 }),
      turns: fc.nat(30),
      tells: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(appends, fc.integer({ min: 1, max: 2000 }), fc.nat(), follow),
    { numRuns: Number(Deno.env.get("RUNS") ?? 100) },
  );
});

async function follow(
  appends: readonly { sizes: (readonly [number, number])[]; turns: number; tells: boolean }[],
  bytesMax: number,
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  const disk = new SimulatedDisk();
  disk.before = () => turns(Math.floor(random.next() * 6));
  const runtime = createRuntime({ clock: new SimulatedClock(1) });
  const log = await EmbeddedLog.open(runtime, disk.mount(), OPTIONS);
  const reader = new EmbeddedLogReader(runtime, disk.mount(), log, log.durable());
  const untold: DurableState[] = [];
  log.onDurable((state) => untold.push(structuredClone(state)));
  const tell = () => untold.splice(0).forEach((state) => reader.update(state));

  const written = PARTITIONS.map((): string[] => []);
  const stop = new AbortController();
  const seen = PARTITIONS.map((): string[] => []);
  const followers = PARTITIONS.map(async (partition) => {
    for (let next = 0; !stop.signal.aborted || next < await reader.endOffset(partition);) {
      const waitMs = stop.signal.aborted ? 0 : 1000;
      const { signal } = stop.signal.aborted ? new AbortController() : stop;
      const batch = await reader.read(partition, next, options({ bytesMax, waitMs, signal }))
        .catch((error) => error === stop.signal.reason ? undefined : Promise.reject(error));
      if (batch === undefined) continue;
      // Copied late: the next read of another partition must not have touched it.
      await turns(Math.floor(random.next() * 10));
      for (const { offset, value } of batch.records) {
        assert.equal(offset, seen[partition]!.length);
        seen[partition]!.push(new TextDecoder().decode(value));
      }
      next = batch.nextOffset;
      await reader.commit("g", partition, next);
    }
  });
  let count = 0;
  const acks: Promise<unknown>[] = [];
  for (const step of appends) {
    const texts = step.sizes.map(([, size]) => `${count++}:`.padEnd(size, "x"));
    step.sizes.forEach(([partition], i) => written[partition]!.push(texts[i]!));
    acks.push(log.append(step.sizes.map(([partition], i) => record(partition, "t", texts[i]!))));
    await turns(step.turns);
    if (step.tells) tell();
    if (random.next() < 0.1) await log.retain();
  }
  await Promise.all(acks);
  tell();
  stop.abort(new Error("enough"));
  await Promise.all(followers);
  assert.deepEqual(seen, written);
  assert.match(await runtime.metrics.text(), /segno_log_corrupt_segments_total 0\n/);
  await reader[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

Deno.test("reader follows a log in a real worker, fed by messages alone", async () => {
  const path = await Deno.makeTempDir({ prefix: "segno-wal-" });
  {
    const options = { ...OPTIONS, retentionBytesMax: 1 << 30 };
    await using log = await EmbeddedLog.open(
      createRuntime(),
      await OsDirectory.open(path),
      options,
    );
    const modules = ["../lib/fs.ts", "../lib/runtime.ts", "./embedded_log_reader.ts"];
    const [fs, runtime, reader] = modules.map((name) => new URL(name, import.meta.url).href);
    const source = `
      const { OsDirectory } = await import("${fs}");
      const { createRuntime } = await import("${runtime}");
      const { EmbeddedLogReader } = await import("${reader}");
      let reader;
      const owner = {
        commit: (group, partition, offset) => Promise.resolve(postMessage({ group, partition, offset })),
        committedOffset: () => Promise.resolve(undefined),
        reportDamage: (damage) => postMessage({ damage }),
      };
      async function follow() {
        const options = { bytesMax: 1000, waitMs: 60000, signal: new AbortController().signal };
        for (let next = 0; ;) {
          const { records, nextOffset } = await reader.read(1, next, options);
          for (const { value } of records) postMessage({ text: new TextDecoder().decode(value) });
          next = nextOffset;
          await reader.commit("g", 1, next);
        }
      }
      onmessage = async ({ data }) => {
        if (reader) return reader.update(data);
        reader = new EmbeddedLogReader(createRuntime(), await OsDirectory.open("${path}"), owner, data);
        postMessage({ ready: true });
        follow();
      };
      postMessage({ loaded: true });
    `;
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
      type: "module",
    });
    const seen: string[] = [];
    const done = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<void>();
    worker.onmessage = async ({ data }) => {
      if (data.loaded) worker.postMessage(log.durable());
      if (data.ready) ready.resolve();
      if (data.text) seen.push(data.text);
      if (data.damage) done.reject(new Error(JSON.stringify(data.damage)));
      if (data.group) await log.commit(data.group, data.partition, data.offset);
      if (data.offset === 50) done.resolve();
    };
    worker.onerror = (event) => done.reject(event.error ?? new Error(event.message));
    await Promise.race([ready.promise, done.promise]);
    const off = log.onDurable((state) => worker.postMessage(state));
    const expected = Array.from({ length: 50 }, (_, i) => `record ${i} `.padEnd(300, "x"));
    await Promise.all(expected.map(async (text, i) => {
      await turns(i * 20);
      await log.append([record(0, "t", "other"), record(1, "t", text)]);
    }));
    await done.promise;
    off();
    worker.terminate();
    assert.deepEqual(seen, expected);
    assert.equal(await log.committedOffset("g", 1), 50);
  }
  await Deno.remove(path, { recursive: true });
});
