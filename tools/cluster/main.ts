// deno-lint-ignore-file no-console house/no-ambient-world
// deno task cluster: everything that a fleet consists of, on this machine, until Ctrl-C.
// Exit codes: 0 ended when asked, 1 it could not be started.
import { systemClock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import { sleep } from "../../lib/waiting.ts";
import { hasVersitygw, NoServerError } from "../../tests/support/bucket_servers.ts";
import type { Member } from "../../tests/support/fleet.ts";
import { hasKafkaJars } from "../../tests/support/kafka_server.ts";
import { type Addresses, addressesOf, addressLines } from "./addresses.ts";
import { Cluster, clusterPortsOf } from "./cluster.ts";
import { type ClusterFlags, parseClusterFlags, USAGE } from "./flags.ts";
import { type Health, healthLine, healthOf, type MemberHealth } from "./health.ts";
import { sendAtRate } from "./load.ts";
import { allPorts } from "./ports.ts";
import { missingRequirements } from "./requirements.ts";

const HEALTH_EVERY_MS = 10_000;
const READY_LOOK_MS = 250;
const ASK_WITHIN_MS = 2_000;
const AGAIN_AFTER_MS = 1_000;

async function main(args: readonly string[]): Promise<number> {
  let flags: ClusterFlags;
  try {
    flags = parseClusterFlags(args);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return refuse([error.message, "", USAGE]);
  }
  if (flags.isHelpWanted) {
    console.log(USAGE);
    return 0;
  }
  const obstacles = [...await missingHere(), ...takenPorts(flags)];
  if (obstacles.length > 0) {
    return refuse(["this machine lacks what a cluster needs:", ...obstacles]);
  }
  try {
    return await run(flags);
  } catch (error) {
    if (error instanceof NoServerError) return refuse([error.message]);
    return refuse([error instanceof Error ? error.message : String(error)]);
  }
}

async function run(flags: ClusterFlags): Promise<number> {
  const stop = onceSignalled();
  console.log("starting Kafka and S3 (the first time they are fetched, which takes a minute)");
  await using cluster = await Cluster.launch({ ...flags, ended: tellEnd });
  console.log(`starting ${cluster.fleet.members.length} processes of Segno`);
  const isReady = await untilReady(cluster, stop.signal);
  if (isReady) {
    tellAddresses(cluster, flags);
    const load = flags.load === 0
      ? Promise.resolve()
      : sendAtRate(systemClock, portsOf(cluster), flags.load, stop.signal);
    await tellHealth(cluster, stop.signal);
    await load;
  }
  console.log("stopping; again to kill");
  writeAddresses(cluster);
  await Promise.race([cluster.stop(), stop.second]);
  await cluster[Symbol.asyncDispose]();
  console.log(`all processes have ended${flags.dir === undefined ? "" : `; kept: ${flags.dir}`}`);
  return 0;
}

/** The first of SIGINT, SIGTERM or SIGHUP aborts; when they are heard again `second` resolves. */
function onceSignalled() {
  const first = new AbortController();
  const second = Promise.withResolvers<void>();
  let firstMs = Infinity;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(name, () => {
      const nowMs = systemClock.monotonic();
      // One Ctrl-C comes twice: from the terminal, and handed on by `deno task`.
      if (nowMs - firstMs > AGAIN_AFTER_MS) second.resolve();
      if (first.signal.aborted) return;
      firstMs = nowMs;
      first.abort();
    });
  }
  return { signal: first.signal, second: second.promise };
}

async function untilReady({ fleet }: Cluster, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const ready = await Promise.all(fleet.members.map((member) => member.isReady()));
    if (ready.every((one) => one)) return true;
    await sleep(systemClock, READY_LOOK_MS, signal);
  }
  return false;
}

function tellAddresses(cluster: Cluster, { zones, partitions }: ClusterFlags): void {
  const addresses = writeAddresses(cluster);
  console.log(`\nready: ${counted(zones, "zone")}, ${counted(partitions, "partition")}\n`);
  addressLines(addresses).forEach((line) => console.log(line));
  console.log("\nCtrl-C ends all of it\n");
}

const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? "" : "s"}`;

/** For programs; processes that were started again have other ids. */
function writeAddresses(cluster: Cluster): Addresses {
  const addresses = addressesOf(cluster);
  Deno.writeTextFileSync(`${cluster.dir}/cluster.json`, JSON.stringify(addresses, undefined, 2));
  return addresses;
}

function tellEnd({ spec, process, logFile }: Member): void {
  const code = process?.exitCode;
  console.log(`${spec.name} ended with ${code} and is started again; its log is ${logFile}`);
  if (code === 1) console.log(`  ${process?.lines.at(-1)}`);
}

async function tellHealth(cluster: Cluster, signal: AbortSignal): Promise<void> {
  let before: { health: Health; atMs: number } | undefined;
  while (!signal.aborted) {
    const health = healthOf(await Promise.all(cluster.fleet.members.map(askHealth)));
    if (signal.aborted) return;
    const atMs = Date.now();
    const time = new Date(atMs).toTimeString().slice(0, 8);
    const former = before && { health: before.health, seconds: (atMs - before.atMs) / 1_000 };
    console.log(healthLine(time, health, former));
    writeAddresses(cluster);
    before = { health, atMs };
    await sleep(systemClock, HEALTH_EVERY_MS, signal);
  }
}

async function askHealth(
  member: Cluster["fleet"]["members"][number],
): Promise<MemberHealth> {
  const { name } = member.spec;
  try {
    const signal = AbortSignal.timeout(ASK_WITHIN_MS);
    const response = await fetch(`${member.url}/metrics`, { signal });
    return { name, isReady: await member.isReady(), metrics: await response.text() };
  } catch {
    return { name, isReady: false, metrics: "" };
  }
}

function portsOf({ fleet }: Cluster): number[] {
  return fleet.of("distributor").map(({ ports }) => ports.otlpHttp);
}

async function missingHere(): Promise<string[]> {
  return await missingRequirements({
    hasKafkaJars: hasKafkaJars(),
    hasS3Server: hasVersitygw(),
    ask: async (command, args) => {
      try {
        const { stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
        return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      } catch {
        return undefined;
      }
    },
  });
}

function takenPorts(flags: ClusterFlags): string[] {
  const ports = clusterPortsOf(flags);
  const taken = ports && allPorts(ports).find((port) => !isFree(port));
  return taken === undefined ? [] : [`port ${taken}, which is taken: --ports with another base`];
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

function refuse(lines: readonly string[]): number {
  lines.forEach((line) => console.error(line));
  return 1;
}

Deno.exit(await main(Deno.args));
