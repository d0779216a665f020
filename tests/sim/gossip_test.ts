// A thousand members in one process, round by round, over a network that loses and counts.
import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { defaultGossipOptions, Gossip } from "../../ring/gossip/gossip.ts";
import { type Entry, ReplicatedMap } from "../../ring/gossip/replicated_map.ts";

const NEVER = new AbortController().signal;
const START_MS = 1_767_268_800_000;

interface Member {
  readonly id: string;
  readonly map: ReplicatedMap;
  readonly gossip: Gossip;
}

class Cluster {
  readonly clock = new SimulatedClock(START_MS);
  readonly random: Random;
  readonly members: Member[] = [];
  readonly #byAddress = new Map<string, Member>();
  readonly sentBytes = new Map<string, number>();
  /** Of messages, each way. */
  loss = 0;
  /** Which addresses reach each other. */
  reaches = (_a: string, _b: string) => true;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  add(name: string, seeds: readonly string[], known = entriesOf([name])): Member {
    const map = new ReplicatedMap();
    for (const [id, entry] of known) {
      map.merge(id, entry);
      map.mergeBeat(id, START_MS / 1000);
    }
    const runtime = createRuntime({ clock: this.clock, random: this.random });
    const transport = {
      exchange: (address: string, message: Uint8Array) => this.#carry(name, address, message),
    };
    const gossip = new Gossip(runtime, transport, map, {
      ...defaultGossipOptions,
      name,
      address: name,
      seeds: () => Promise.resolve(seeds),
    });
    const member = { id: idOf(name), map, gossip };
    this.members.push(member);
    this.#byAddress.set(name, member);
    return member;
  }

  /** Every member once, in an order of chance; heartbeats every fifth round, as by default. */
  async round(n = 0): Promise<void> {
    const order = this.members.map((member) => ({ member, at: this.random.next() }))
      .sort((a, b) => a.at - b.at).map(({ member }) => member);
    for (const [i, { map, id, gossip }] of order.entries()) {
      if ((i + n) % 5 === 0) map.mergeBeat(id, Math.floor(this.clock.now() / 1000));
      await gossip.round(NEVER);
    }
    await this.clock.advance(1000);
  }

  /** How many rounds until `isDone` holds of all members. */
  async roundsUntil(isDone: (member: Member) => boolean, max: number): Promise<number> {
    for (let rounds = 0; rounds <= max; rounds++) {
      if (this.members.every(isDone)) return rounds;
      await this.round(rounds);
    }
    return Infinity;
  }

  async #carry(from: string, to: string, message: Uint8Array): Promise<Uint8Array> {
    this.#count(from, message);
    const target = this.#byAddress.get(to);
    if (target === undefined || !this.reaches(from, to) || this.#isLost()) {
      throw new UnavailableError(`${to} does not answer`);
    }
    const answer = target.gossip.receive(message);
    this.#count(to, answer);
    if (this.#isLost()) throw new UnavailableError("the answer is lost");
    return await Promise.resolve(answer);
  }

  #isLost(): boolean {
    return this.random.next() < this.loss;
  }

  #count(name: string, { length }: Uint8Array): void {
    this.sentBytes.set(name, (this.sentBytes.get(name) ?? 0) + length);
  }

  dispose(): void {
    for (const { gossip } of this.members) gossip[Symbol.dispose]();
  }
}

const valueOf = (name: string) =>
  JSON.stringify({ gossip: name, address: `${name}:9095`, zone: `zone-${name.length % 3}` });

const entriesOf = (names: readonly string[]): [string, Entry][] =>
  names.map((name) => [idOf(name), { timestampMs: START_MS, rank: 1, value: valueOf(name) }]);

const idOf = (name: string) => `i/live-store/${name}`;

/** Members that know each other already. */
function settledCluster(size: number, seed: number): Cluster {
  const cluster = new Cluster(seed);
  const names = Array.from({ length: size }, (_, i) => `member-${i}`);
  const entries = entriesOf(names);
  for (const name of names) cluster.add(name, ["member-0"], entries);
  return cluster;
}

for (const [size, loss] of [[300, 0], [1000, 0.3]] as const) {
  Deno.test(`${size} members converge after a change, ${loss * 100}% of messages lost`, async () => {
    const cluster = settledCluster(size, 7);
    cluster.loss = loss;
    cluster.sentBytes.clear();
    const { map, id } = cluster.members[123]!;
    const entry = map.write(id, cluster.clock.now(), 2, valueOf("leaving"));
    const isDone = ({ map }: Member) => map.get(id)!.timestampMs === entry.timestampMs;
    const rounds = await cluster.roundsUntil(isDone, 30);
    assert.ok(rounds <= 15, `${rounds} rounds`);
    const hash = cluster.members[0]!.map.contentsHash;
    assert.ok(cluster.members.every(({ map }) => `${map.contentsHash}` === `${hash}`));
    const perSecond = [...cluster.sentBytes.values()].map((bytes) => bytes / rounds / 1000);
    const most = Math.max(...perSecond);
    assert.ok(most <= 20, `${most.toFixed(1)} kB a round of one member`);
    const oldest = cluster.members.reduce(
      (oldest, { map }) => map.beats().reduce((a, b) => Math.min(a, b), oldest),
      Infinity,
    );
    const behindSeconds = cluster.clock.now() / 1000 - oldest;
    assert.ok(behindSeconds <= 5 + 15, `a heartbeat of ${behindSeconds} s ago is the newest known`);
    cluster.dispose();
  });
}

Deno.test("members that know one seed find each other", async () => {
  const cluster = new Cluster(3);
  for (let i = 0; i < 60; i++) cluster.add(`member-${i}`, ["member-0"]);
  const rounds = await cluster.roundsUntil(({ map }) => map.size === 60, 60);
  assert.ok(rounds <= 20, `${rounds} rounds`);
  cluster.dispose();
});

Deno.test("two halves that were apart, and forgot each other, come together again", async () => {
  const cluster = settledCluster(20, 5);
  const half = (name: string) => Number(name.split("-")[1]) % 2;
  cluster.reaches = (a, b) => half(a) === half(b);
  for (const { id, map } of cluster.members) {
    const own = half(id.slice(id.lastIndexOf("/") + 1));
    for (const other of [...map.beating]) {
      if (half(other.slice(other.lastIndexOf("/") + 1)) === own) continue;
      map.remove(other, cluster.clock.now());
      map.forget(other);
    }
  }
  for (let i = 0; i < 5; i++) await cluster.round(i);
  assert.ok(cluster.members.every(({ map }) => map.beating.length === 10));
  cluster.reaches = () => true;
  const rounds = await cluster.roundsUntil(({ map }) => map.beating.length === 20, 200);
  assert.ok(rounds < 100, `${rounds} rounds`);
  cluster.dispose();
});

Deno.test("what cannot be read is counted and changes nothing", async () => {
  const clock = new SimulatedClock(START_MS);
  const runtime = createRuntime({ clock, random: seededRandom(1) });
  const map = new ReplicatedMap();
  const transport = { exchange: () => Promise.resolve(Uint8Array.of(9, 9, 9)) };
  const gossip = new Gossip(runtime, transport, map, {
    ...defaultGossipOptions,
    name: "a",
    address: "a",
    seeds: () => Promise.resolve(["b"]),
  });
  await gossip.round(NEVER);
  assert.equal(map.size, 0);
  assert.match(await runtime.metrics.text(), /segno_gossip_failed_exchanges_total 1/);
  assert.throws(() => gossip.receive(Uint8Array.of(1, 2)), /bytes/);
  gossip[Symbol.dispose]();
});
