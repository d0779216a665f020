// deno-lint-ignore-file no-console house/no-ambient-world
// Spans through Kafka on one machine, broker included: a distributor, live-stores and a block-builder as processes
// of their own, and a load over OTLP/HTTP at a steady rate, or as fast as it is answered.
//
//   deno run -A bench/fleet.ts [--rate 30000] [--seconds 30] [--partitions 2] [--zones 1]
//   deno run -A bench/fleet.ts --backlog 1000000 --partitions 1    # until a live-store that was away is ready
//
// Told: spans acknowledged a second, the lag of every consumer while the load lasts and right after it, how long
// consumers take to reach the end, and the processor time of each process.
import { parseArgs } from "node:util";
import { systemClock } from "../lib/clock.ts";
import { seededRandom } from "../lib/random.ts";
import { sleep } from "../lib/waiting.ts";
import { Fleet, type MemberSpec } from "../tests/support/fleet.ts";
import { startKafka } from "../tests/support/kafka_server.ts";
import { HttpSender } from "./load/http_sender.ts";
import { createWaves, RequestSource } from "./load/request_source.ts";
import { runLoad } from "./load/run_load.ts";
import { type Sender, SENDER_ROOM_BYTES } from "./load/sender.ts";
import { processUse } from "./process_use.ts";

const NEVER = new AbortController().signal;
const CONNECTIONS = 4;
const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "30000" },
    seconds: { type: "string", default: "30" },
    partitions: { type: "string", default: "2" },
    zones: { type: "string", default: "1" },
    backlog: { type: "string", default: "0" },
  },
});
const backlog = Number(values.backlog);
const [rate, seconds, partitions, zones] = [
  values.rate,
  values.seconds,
  values.partitions,
  values.zones,
].map(Number) as [number, number, number, number];

function members(): MemberSpec[] {
  const liveStores = Array.from(
    { length: zones },
    (_, zone) =>
      Array.from({ length: partitions }, (_, i): MemberSpec => ({
        name: `live-store-zone-${zone}-${i}`,
        targets: "live-store",
        zone: `zone-${zone}`,
      })),
  );
  return [
    { name: "distributor-0", targets: "distributor" },
    ...liveStores.flat(),
    { name: "block-builder-0", targets: "block-builder" },
  ];
}

/** A sender that waits until its share of the rate is due. */
function paced(sender: Sender, spansPerSecond: number): Sender {
  const startMs = performance.now();
  let spans = 0;
  return {
    async send(template) {
      const outcome = await sender.send(template);
      spans += template.spanCount;
      const dueMs = startMs + spans / spansPerSecond * 1000;
      await sleep(systemClock, Math.max(0, dueMs - performance.now()), NEVER);
      return outcome;
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}

/** Records that consumers have before them, by group and partition. */
async function lags(fleet: Fleet): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { url } of fleet.members) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const pattern =
      /^tempo_ingest_group_partition_lag\{group="([^"]+)",partition="(\d+)"\} (\S+)$/gm;
    for (const [, group, partition, lag] of text.matchAll(pattern)) {
      found.set(`${group}/${partition}`, Number(lag));
    }
  }
  return found;
}

const worst = (found: ReadonlyMap<string, number>) => Math.max(0, ...found.values());

async function main(): Promise<void> {
  const dir = Deno.makeTempDirSync({ prefix: "segno-bench-fleet-" });
  Deno.mkdirSync(`${dir}/bucket`);
  await using kafka = await startKafka();
  await using fleet = await Fleet.start({
    dir,
    kafka: kafka.addresses.join(),
    partitions,
    bucket: `{backend: local, local: {path: "${dir}/bucket"}}`,
    members: members(),
    config: "overrides: {defaults: {ingestion: {rate_limit_bytes: 1000000000, " +
      "burst_size_bytes: 1000000000}, global: {max_bytes_per_trace: 0}}}",
  });
  const random = seededRandom(1);
  const waves = createWaves(random, {
    spansPerRequest: 300,
    requestsPerWave: 3,
    waves: 4,
    roomBytes: SENDER_ROOM_BYTES,
  });
  const [distributor] = fleet.of("distributor");
  const connections = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const sender = await HttpSender.open(distributor!.ports.otlpHttp);
    connections.push({
      sender: rate === 0 ? sender : paced(sender, rate / CONNECTIONS),
      source: new RequestSource(systemClock, random, waves),
    });
  }
  const pids = new Map(fleet.members.map(({ spec, process }) => [spec.name, process!.pid]));
  pids.set("kafka", kafka.pid(0));
  const cpu = () => new Map([...pids].map(([name, pid]) => [name, processUse(pid).cpuSeconds]));
  await runLoad({ clock: systemClock, connections, secondsMax: 5, spansMax: Infinity }); // warm
  if (backlog > 0) {
    await measureBacklog(fleet, connections);
    await fleet[Symbol.asyncDispose]();
    return;
  }
  const before = cpu();
  const seen: number[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    while (!watching.signal.aborted) {
      seen.push(worst(await lags(fleet)));
      await sleep(systemClock, 2_000, watching.signal);
    }
  })();
  const result = await runLoad({
    clock: systemClock,
    connections,
    secondsMax: seconds,
    spansMax: Infinity,
  });
  watching.abort();
  await watched;
  const endMs = performance.now();
  const atEnd = worst(await lags(fleet));
  while (worst(await lags(fleet)) > 0) await sleep(systemClock, 100, NEVER);
  const caughtUpMs = performance.now() - endMs;
  const used = cpu();
  console.log(
    `${Math.round(result.ackedSpans / result.seconds)} spans/s acknowledged for ` +
      `${result.seconds.toFixed(0)} s, ${result.refusedRequests} requests refused`,
  );
  console.log(`lag, records, worst consumer, every 2 s: ${seen.join(" ")}; at the end ${atEnd}`);
  console.log(`everything consumed ${Math.round(caughtUpMs)} ms after the last acknowledgement`);
  for (const [name, after] of used) {
    const micros = (after - before.get(name)!) / result.ackedSpans * 1e6;
    console.log(`${name}: ${micros.toFixed(1)} µs of CPU a span`);
  }
  for (const { sender } of connections) await sender[Symbol.asyncDispose]();
  await fleet[Symbol.asyncDispose]();
  Deno.removeSync(dir, { recursive: true });
}

/** A live-store is killed, the spans go on, and it starts again. */
async function measureBacklog(
  fleet: Fleet,
  connections: Parameters<typeof runLoad>[0]["connections"],
): Promise<void> {
  const liveStores = fleet.of("live-store");
  for (const member of liveStores) await member.kill();
  const result = await runLoad({
    clock: systemClock,
    connections,
    secondsMax: 300,
    spansMax: backlog,
  });
  const startMs = performance.now();
  for (const member of liveStores) await member.start();
  for (const member of liveStores) {
    while (!await member.isReady()) await sleep(systemClock, 50, NEVER);
  }
  const seconds = (performance.now() - startMs) / 1000;
  console.log(
    `${result.ackedSpans} spans while the live-stores were away: ready ${seconds.toFixed(1)} s ` +
      "after they were started",
  );
}

await main();
