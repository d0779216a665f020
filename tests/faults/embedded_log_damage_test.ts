// One damaged byte, anywhere: what it hit is reported or was the torn tail, all else is still served.
import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { options, record } from "../../wal/contract.ts";
import { EmbeddedLog } from "../../wal/embedded_log.ts";
import { defaultEmbeddedLogOptions } from "../../wal/embedded_log_options.ts";
import { damageName, segmentName } from "../../wal/segment_head.ts";

const OPTIONS = {
  ...defaultEmbeddedLogOptions,
  partitions: 2,
  groups: ["g"],
  segmentBytesMax: 1200,
};
const kind = { ...seededRandom(1), next: () => 0.999 }; // a crash that forgets nothing

function open(disk: SimulatedDisk): Promise<[EmbeddedLog, Runtime]> {
  const runtime = createRuntime({ clock: new SimulatedClock(1) });
  return EmbeddedLog.open(runtime, disk.mount(), OPTIONS).then((log) => [log, runtime]);
}

interface Written {
  readonly disk: SimulatedDisk;
  readonly places: readonly string[];
}

/** Three segments or so, in groups of one to three records. */
async function written(sizes: readonly number[], isClosed: boolean): Promise<Written> {
  const disk = new SimulatedDisk();
  const [log] = await open(disk);
  const places: string[] = [];
  for (let i = 0; i < sizes.length; i++) {
    const names = Array.from({ length: 1 + i % 3 }, (_, j) => `${i}.${j}.`.padEnd(sizes[i]!, "x"));
    const offsets = await log.append(names.map((name, j) => record((i + j) % 2, "t", name)));
    offsets.forEach((offset, j) => places.push(`${(i + j) % 2}/${offset} ${names[j]}`));
  }
  if (isClosed) await log[Symbol.asyncDispose]();
  else disk.crash(kind);
  return { disk, places };
}

async function found(log: EmbeddedLog): Promise<string[]> {
  const places: string[] = [];
  for (const partition of [0, 1]) {
    const end = await log.endOffset(partition);
    for (let next = 0; next < end;) {
      const batch = await log.read(partition, next, options({ bytesMax: 300 }));
      for (const { offset, value } of batch.records) {
        places.push(`${partition}/${offset} ${new TextDecoder().decode(value)}`);
      }
      assert.ok(batch.nextOffset > next);
      next = batch.nextOffset;
    }
  }
  return places;
}

async function metric(runtime: Runtime, name: string): Promise<number> {
  const text = await runtime.metrics.text();
  return Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)![1]);
}

Deno.test("embedded log reports one flipped byte and serves all the rest", async () => {
  const kinds = { damaged: 0, torn: 0, harmless: 0 };
  const property = fc.asyncProperty(
    fc.array(fc.nat(250), { minLength: 6, maxLength: 12 }),
    fc.boolean(),
    fc.boolean(),
    fc.nat(),
    fc.nat(),
    fc.integer({ min: 1, max: 255 }),
    async (sizes, isClosed, isLive, segmentChoice, byteChoice, mask) => {
      const { disk, places } = await written(sizes, isClosed);
      const segments = disk.names().filter((name) => name.endsWith(".log"));
      const name = segments[segmentChoice % segments.length]!;
      const at = byteChoice % disk.contents(name).length;
      const newest = name === segments.at(-1);
      if (!isLive) disk.flip(name, at, mask);
      const [log, runtime] = await open(disk);
      if (isLive) disk.flip(name, at, mask);
      const served = await found(log);
      const missing = places.filter((place) => !served.includes(place));
      assert.equal(served.length + missing.length, places.length, "nothing that was not written");
      assert.ok(missing.length <= 1, `${missing.length} records are gone`);
      const [fresh] = await log.append([record(0, "t", "fresh"), record(1, "t", "fresh")]);
      assert.ok(fresh! >= Math.max(...offsetsOf(places, 0)), "no offset comes twice");
      const damaged = await metric(runtime, "segno_log_corrupt_segments_total");
      const torn = await metric(runtime, "segno_log_torn_tail_bytes_total");
      if (missing.length > 0 && damaged === 0) {
        assert.ok(newest && !isClosed && !isLive && torn > 0, "silent only in the last group");
      }
      await log[Symbol.asyncDispose]();
      if (damaged > 0) {
        const mark = new TextDecoder().decode(disk.contents(damageName(parseInt(name))));
        const [, from] = /\.log: .* at byte (\d+)$/m.exec(mark)!;
        assert.ok(mark.includes(name) && Number(from) <= at, mark);
      }
      kinds[damaged > 0 ? "damaged" : torn > 0 ? "torn" : "harmless"]++;
      // And so it stays: the hole is known, nothing else has changed.
      const [again] = await open(disk);
      const servedAgain = (await found(again)).filter((place) => !place.endsWith(" fresh"));
      assert.deepEqual(servedAgain, served);
      await again[Symbol.asyncDispose]();
    },
  );
  await fc.assert(property, { numRuns: Number(Deno.env.get("RUNS") ?? 400) });
  assert.ok(kinds.damaged > 50 && kinds.torn > 0, JSON.stringify(kinds));
});

function offsetsOf(places: readonly string[], partition: number): number[] {
  const own = places.filter((place) => place.startsWith(`${partition}/`));
  return own.map((place) => parseInt(place.slice(2)) + 1);
}

Deno.test("embedded log calls a damaged last record of a closed log damage, not a torn tail", async () => {
  const { disk, places } = await written([10, 10], true);
  const name = segmentName(1);
  const at = lastIndexOf(disk.contents(name), "1.1.");
  disk.flip(name, at);
  const [log, runtime] = await open(disk);
  assert.equal((await found(log)).length, places.length - 1);
  assert.equal(await metric(runtime, "segno_log_corrupt_segments_total"), 1);
  assert.equal(await metric(runtime, "segno_log_torn_tail_bytes_total"), 0);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log drops and counts a torn tail", async () => {
  const { disk, places } = await written([10, 10], false);
  const directory = disk.mount();
  const file = await directory.open(segmentName(1), "write");
  const size = await file.sizeBytes();
  await file.truncate(size - 20);
  const [log, runtime] = await open(disk);
  assert.equal((await found(log)).length, places.length - 1);
  assert.equal(await metric(runtime, "segno_log_corrupt_segments_total"), 0);
  assert.ok(await metric(runtime, "segno_log_torn_tail_bytes_total") > 20);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log goes on without a segment that somebody has removed", async () => {
  const { disk, places } = await written([200, 200, 200, 200, 200, 200], true);
  const directory = disk.mount();
  await directory.remove(segmentName(2));
  const [log, runtime] = await open(disk);
  const served = await found(log);
  assert.ok(served.length > 0 && served.length < places.length);
  assert.ok(served.every((place) => places.includes(place)));
  assert.equal(await metric(runtime, "segno_log_corrupt_segments_total"), 1);
  await log[Symbol.asyncDispose]();
});

Deno.test("embedded log sets damaged committed offsets aside and reads again from the start", async () => {
  const { disk, places } = await written([10, 10], true);
  {
    const [log] = await open(disk);
    await log.commit("g", 0, 1);
    await log[Symbol.asyncDispose]();
  }
  disk.flip("groups.json", 50, 1);
  const [log, runtime] = await open(disk);
  assert.equal(await log.committedOffset("g", 0), undefined);
  assert.equal(await metric(runtime, "segno_log_corrupt_segments_total"), 1);
  assert.ok(disk.names().includes("groups.json.damaged"));
  assert.deepEqual((await found(log)).sort(), [...places].sort());
  await log[Symbol.asyncDispose]();
});

function lastIndexOf(bytes: Uint8Array, text: string): number {
  return new TextDecoder("latin1").decode(bytes).lastIndexOf(text);
}
