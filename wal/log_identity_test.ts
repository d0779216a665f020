import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { seededRandom } from "../lib/random.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { EmbeddedLog } from "./embedded_log.ts";
import { defaultEmbeddedLogOptions } from "./embedded_log_options.ts";
import { NO_IDENTITY } from "./log_identity.ts";

const OPTIONS = { ...defaultEmbeddedLogOptions, partitions: 1, groups: ["block-builder"] };

/** One life of a log; with `crash` the disk then forgets what was not synced. */
async function life(
  disk: SimulatedDisk,
  seed: number,
  use: (log: EmbeddedLog) => Promise<unknown> = () => Promise.resolve(),
): Promise<string> {
  const runtime = createRuntime({ clock: new SimulatedClock(1), random: seededRandom(seed) });
  const log = await EmbeddedLog.open(runtime, disk.mount(), OPTIONS);
  await use(log);
  await log[Symbol.asyncDispose]();
  return log.identity;
}

const appendOne = (log: EmbeddedLog) =>
  log.append([{ partition: 0, tenant: "a", sizeBytes: 1, write: (to, at) => void (to[at] = 7) }]);

async function write(disk: SimulatedDisk, name: string, text: string): Promise<void> {
  const directory = disk.mount();
  const file = await directory.open(name, "write");
  await file.truncate(0);
  await file.write(new TextEncoder().encode(text), 0);
  await file.sync();
  file.close();
  await directory.sync();
}

Deno.test("two logs are told apart, and each keeps its identity over restarts and power cuts", async () => {
  const [one, other] = [new SimulatedDisk(), new SimulatedDisk()];
  const identity = await life(one, 1);
  assert.match(identity, /^[0-9a-f-]{36}$/);
  assert.notEqual(await life(other, 2), identity);
  for (let seed = 3; seed < 8; seed++) {
    one.crash(seededRandom(seed));
    assert.equal(await life(one, seed, appendOne), identity);
  }
});

Deno.test("a log that is older than identities has none, now and later", async () => {
  const disk = new SimulatedDisk();
  await life(disk, 1, appendOne);
  await disk.mount().remove("identity");
  await disk.mount().sync();
  assert.equal(await life(disk, 2, appendOne), NO_IDENTITY);
  assert.equal(await life(disk, 3), NO_IDENTITY);
});

Deno.test("what is damaged is drawn anew, once", async () => {
  const disk = new SimulatedDisk();
  const identity = await life(disk, 1, appendOne);
  await write(disk, "identity", identity.replace("-", "x"));
  const next = await life(disk, 2);
  assert.match(next, /^[0-9a-f-]{36}$/);
  assert.notEqual(next, identity);
  assert.equal(await life(disk, 3), next);
});
