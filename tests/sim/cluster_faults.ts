// What happens to a simulated cluster: each fault begins, lasts for a while and ends by itself.
// Rule: all of it follows from the chance of the world; `heal` ends whatever lasts.
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import { BUCKET } from "./cluster_store.ts";
import type { Ground } from "./cluster_ground.ts";
import type { Cut } from "./cluster_network.ts";
import type { Process } from "./cluster_process.ts";
import { TOPIC } from "./cluster_topic.ts";

const SECOND_MS = 1_000;

export class Faults {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lasting = new Map<() => void, number>();
  readonly #kinds: readonly (readonly [weight: number, begin: () => void])[];
  begun = 0;

  constructor(
    readonly ground: Ground,
    readonly processes: readonly Process[],
    readonly tell: (event: string) => void,
  ) {
    this.#clock = ground.clock;
    this.#random = ground.random;
    this.#kinds = [
      [6, () => this.#crash()],
      [2, () => this.#restart()],
      [1, () => this.#lose()],
      [3, () => this.#isolate()],
      [1, () => this.#divideZones()],
      [2, () => this.#cutOff(TOPIC)],
      [2, () => this.#cutOff(BUCKET)],
      [3, () => this.#badNetwork()],
      [2, () => this.#crashBroker()],
      [2, () => this.#moveLeader()],
      [2, () => this.#slowTopic()],
      [2, () => this.#bucketAway()],
      [2, () => this.#badBucket()],
      [2, () => this.#stepClock()],
      [1, () => this.#buildersAway()],
    ];
  }

  begin(): void {
    this.begun++;
    let dice = this.#random.next() * this.#kinds.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, begin] of this.#kinds) {
      dice -= weight;
      if (dice < 0) return begin();
    }
  }

  heal(): void {
    for (const [end, timer] of [...this.#lasting]) {
      this.#clock.clearTimeout(timer);
      end();
    }
    this.ground.topic.heal();
    this.ground.bucket.heal();
    this.tell("healed");
  }

  #crash(): void {
    const process = this.#anyProcess();
    const downMs = this.#between(2, 60);
    this.tell(`${process.name} crashes for ${downMs} ms`);
    process.crash(downMs);
  }

  #restart(): void {
    const process = this.#anyProcess();
    this.tell(`${process.name} is restarted`);
    void process.restart(true);
  }

  #lose(): void {
    const stores = this.processes.filter(({ spec }) => spec.kind === "live-store");
    const process = this.#any(stores);
    const downMs = this.#between(5, 60);
    this.tell(`${process.name} loses its disk`);
    process.lose(downMs);
  }

  #isolate(): void {
    const { name } = this.#anyProcess();
    this.#cut(`${name} is cut off`, { separates: (a, b) => (a === name) !== (b === name) });
  }

  #divideZones(): void {
    const isOf = (zone: string) => (name: string) => name.includes(zone);
    const [a, b] = [isOf("zone-a"), isOf("zone-b")];
    const separates: Cut["separates"] = (x, y) => a(x) && b(y) || b(x) && a(y);
    this.#cut("zones are divided", { separates });
  }

  #cutOff(from: string): void {
    const { name } = this.#anyProcess();
    const separates: Cut["separates"] = (a, b) =>
      a === name && b === from || a === from && b === name;
    this.#cut(`${name} is cut off from the ${from}`, { separates });
  }

  #cut(what: string, cut: Cut): void {
    const { cuts } = this.ground.network;
    cuts.add(cut);
    this.#last(what, this.#between(5, 150), () => cuts.delete(cut));
  }

  #badNetwork(): void {
    const { weather } = this.ground.network;
    weather.loss = this.#random.next() * 0.3;
    weather.duplication = this.#random.next() * 0.3;
    weather.delayMaxMs = this.#between(0, 2);
    this.#last("the network is bad", this.#between(20, 120), () => {
      weather.loss = 0;
      weather.duplication = 0;
      weather.delayMaxMs = 5;
    });
  }

  #crashBroker(): void {
    const awayMs = this.#between(1, 60);
    this.tell(`the topic crashes for ${awayMs} ms`);
    this.ground.topic.crash(awayMs);
  }

  #moveLeader(): void {
    const { topic } = this.ground;
    const partition = this.#any(topic.partitions);
    const awayMs = this.#between(1, 30);
    this.tell(`partition ${partition} has no leader for ${awayMs} ms`);
    topic.moveLeader(partition, awayMs);
  }

  #slowTopic(): void {
    const { weather } = this.ground.topic;
    weather.replicationMaxMs = this.#between(0, 6);
    weather.lostAnswers = this.#random.next() * 0.3;
    this.#last("the topic is slow and loses answers", this.#between(20, 90), () => {
      weather.replicationMaxMs = 5;
      weather.lostAnswers = 0;
    });
  }

  #bucketAway(): void {
    const awayMs = this.#between(5, 100);
    this.tell(`the bucket is away for ${awayMs} ms`);
    this.ground.bucket.leave(awayMs);
  }

  #badBucket(): void {
    const { bucket } = this.ground;
    bucket.failures = this.#random.next() * 0.2;
    this.#last("the bucket fails now and then", this.#between(20, 90), () => bucket.failures = 0);
  }

  #stepClock(): void {
    const process = this.#anyProcess();
    process.belongings.skew.aheadMs = (this.#random.next() - 0.5) * 4_000;
    this.tell(`the clock of ${process.name} steps`);
  }

  /** For longer than live-stores keep what is in the bucket. */
  #buildersAway(): void {
    const builders = this.processes.filter(({ spec }) => spec.kind === "block-builder");
    builders.forEach((builder) => builder.leave());
    this.#last("block-builders are away", this.#between(60, 600), () => {
      builders.forEach((builder) => builder.comeBack());
    });
  }

  #last(what: string, ms: number, end: () => void): void {
    this.tell(`${what}, for ${ms} ms`);
    const over = () => {
      if (!this.#lasting.delete(over)) return;
      end();
    };
    this.#lasting.set(over, this.#clock.setTimeout(over, ms));
  }

  #anyProcess(): Process {
    return this.#any(this.processes.filter(({ isWanted }) => isWanted));
  }

  #any<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random.next() * all.length)]!;
  }

  #between(fromSeconds: number, toSeconds: number): number {
    const seconds = fromSeconds + this.#random.next() * (toSeconds - fromSeconds);
    return Math.floor(seconds * SECOND_MS);
  }
}
