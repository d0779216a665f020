// deno-lint-ignore-file no-console -- a command of its own
// From a trace's id to its partition, nanoseconds a trace, and what a ring and a shard cost to make:
//   deno run -A bench/route_traces.ts [rounds]
import { systemClock } from "../lib/clock.ts";
import { seededRandom } from "../lib/random.ts";
import {
  embeddedRing,
  PartitionRing,
  PartitionState,
  RingRouter,
  SpreadTokens,
} from "../ring/mod.ts";

const TRACES = 200_000;
const rounds = Number(Deno.args[0] ?? 5);
const random = seededRandom(1);
const ids = random.fill(new Uint8Array(16 * TRACES));
const spread = new SpreadTokens();

function nanosecondsATrace(router: RingRouter): number {
  let sum = 0;
  const startMs = systemClock.monotonic();
  for (let i = 0; i < TRACES; i++) sum += router.partitionOf("single-tenant", ids, i * 16);
  const ns = (systemClock.monotonic() - startMs) * 1e6 / TRACES;
  if (sum < 0) throw new Error("no partition is below 0");
  return ns;
}

function median(measure: () => number): string {
  measure();
  const all = Array.from({ length: rounds }, measure).sort((a, b) => a - b);
  return all[rounds >> 1]!.toFixed(1).padStart(8);
}

for (const count of [1, 8, 100, 1000]) {
  const ring = embeddedRing(count, spread);
  const tell = (what: string, figure: string, unit: string) =>
    console.log(`${String(count).padStart(5)} partitions  ${what.padEnd(28)}${figure} ${unit}`);
  const of = (size?: number) =>
    new RingRouter(() => ring, ...size === undefined ? [] : [() => size]);
  tell("no shards", median(() => nanosecondsATrace(of())), "ns/trace");
  tell("shard size 0", median(() => nanosecondsATrace(of(0))), "ns/trace");
  for (const size of [1, 3, 30].filter((size) => size < count)) {
    tell(`shard of ${size}`, median(() => nanosecondsATrace(of(size))), "ns/trace");
  }
  const ms = (work: () => unknown) => () => {
    const startMs = systemClock.monotonic();
    work();
    return systemClock.monotonic() - startMs;
  };
  tell("a shard of 3 is made", median(ms(() => ring.shardOf(`t${random.next()}`, 3))), "ms");
  const partitions = ring.partitions.map((one) => ({ ...one, state: PartitionState.Active }));
  tell("the ring is made", median(ms(() => new PartitionRing(partitions))), "ms");
}
