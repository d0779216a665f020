// A process of the simulated cluster through all its lives: started again when it ended, until it is taken away.
// Rule: what a life knows dies with it; what it has written to its disk, its folder, the topic or the bucket stays.
import { UnavailableError } from "../../lib/errors.ts";
import { MEMBERS_RING } from "../../ring/mod.ts";
import { startBackend } from "./cluster_backend.ts";
import { startBuilder } from "./cluster_builder.ts";
import { startDistributor } from "./cluster_distributor.ts";
import { Belongings, type Ground } from "./cluster_ground.ts";
import { startLiveStore } from "./cluster_live_store.ts";
import type { Message } from "./cluster_messages.ts";
import { Place } from "./cluster_place.ts";
import { type Questions, startQuerier } from "./cluster_querier.ts";
import { DISTRIBUTORS, LIVE_STORES, MemberRings } from "./cluster_rings.ts";
import { TIMES } from "./cluster_times.ts";

export type Kind = "distributor" | "live-store" | "block-builder" | "querier" | "backend";

export interface ProcessSpec {
  readonly name: string;
  readonly zone: string;
  readonly kind: Kind;
  /** Of a block-builder. */
  readonly partitions?: readonly number[];
}

/** What a target does in a process. */
export interface Part {
  /** Settles when it gave up, or was stopped. */
  readonly ended: Promise<void> | undefined;
  readonly questions?: Questions;
  answer(message: Exclude<Message, { kind: "gossip" }>): Promise<unknown>;
  stop(): Promise<void>;
}

interface Life {
  readonly place: Place;
  readonly rings: MemberRings;
  part: Part | undefined;
}

export class Process {
  readonly belongings: Belongings;
  #life: Life | undefined;
  #isWanted = true;
  #isAway = false;
  lives = 0;

  constructor(
    readonly ground: Ground,
    readonly spec: ProcessSpec,
    readonly tell: (event: string) => void,
  ) {
    this.belongings = new Belongings(ground.clock, ground.random);
  }

  get name(): string {
    return this.spec.name;
  }

  /** False once it is taken away. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  get isUp(): boolean {
    return this.#life?.part !== undefined;
  }

  get rings(): MemberRings | undefined {
    return this.#life?.rings;
  }

  get questions(): Questions | undefined {
    return this.#life?.part?.questions;
  }

  /** Whether it is away for long, which those who look for it know. */
  get isAway(): boolean {
    return this.#isAway;
  }

  start(): void {
    this.#isAway = false;
    void this.#live();
  }

  /** Crashes, and is not started until somebody does. */
  leave(): void {
    this.crash(0);
    this.#isAway = true;
  }

  comeBack(): void {
    if (this.#isAway) this.start();
  }

  /** It ends between two instructions, and is started again after a while. */
  crash(downMs: number): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#end(life);
    this.belongings.disk.kill();
    this.#again(downMs);
  }

  /** Its disk goes with it. */
  lose(downMs: number): void {
    this.crash(downMs);
    this.belongings.lose();
  }

  /** In order: it says that it leaves, finishes, and is started again unless it is not wanted any more. */
  async restart(isWanted: boolean): Promise<void> {
    const life = this.#life;
    this.#isWanted &&= isWanted;
    if (life?.part === undefined) return this.crash(TIMES.restartMs);
    const { place, rings, part } = life;
    await place.alive(rings.leave());
    await place.alive(part.stop());
    if (this.ground.broken !== "ignores_removal") await place.alive(rings.end());
    else if (!isWanted) return; // it goes on to write itself into the ring
    this.#end(life);
    this.#again(TIMES.restartMs);
  }

  /** For good. */
  end(): void {
    this.#isWanted = false;
    if (this.#life !== undefined) this.#end(this.#life);
  }

  #end(life: Life): void {
    this.ground.network.close(life.place);
    life.place.crash();
    if (this.#life === life) this.#life = undefined;
  }

  #again(downMs: number): void {
    const { clock } = this.ground;
    clock.setTimeout(() => {
      if (this.#isWanted && !this.#isAway && this.#life === undefined) this.start();
    }, downMs);
  }

  async #live(): Promise<void> {
    const { ground, spec, belongings } = this;
    const { network } = ground;
    const place = new Place(spec.name, spec.zone, ground.clock, belongings.skew, ground.random);
    const rings = new MemberRings(place, network, {
      ring: spec.kind === "live-store"
        ? LIVE_STORES
        : spec.kind === "distributor"
        ? DISTRIBUTORS
        : MEMBERS_RING,
      seeds: ground.seeds,
      isDeaf: ground.broken === "hears_nobody" && spec.kind === "querier",
      ...(spec.kind === "live-store" && { markers: belongings.mount(place) }),
    });
    const life: Life = { place, rings, part: undefined };
    this.#life = life;
    this.lives++;
    network.listen(place, async (asked) => {
      const message = asked as Message;
      if (message.kind === "gossip") return rings.receive(message.message);
      if (life.part === undefined) throw new UnavailableError(`${spec.name} is starting`);
      return await life.part.answer(message);
    });
    try {
      await rings.join();
      const part = await this.#part(place, rings);
      if (place.isDead) return;
      life.part = part;
      this.tell(`${spec.name} is up`);
      await part.ended;
    } catch (error) {
      if (place.isDead) return;
      this.tell(`${spec.name} gave up: ${error instanceof Error ? error.message : error}`);
      this.crash(TIMES.restartMs);
    }
  }

  async #part(place: Place, rings: MemberRings): Promise<Part> {
    const { ground, spec, belongings } = this;
    switch (spec.kind) {
      case "distributor":
        return startDistributor(ground, place, rings);
      case "live-store":
        return await startLiveStore(ground, place, rings, belongings);
      case "block-builder":
        return startBuilder(ground, place, spec.partitions!);
      case "querier":
        return await startQuerier(ground, place, rings);
      case "backend":
        return await startBackend(ground, place, belongings);
    }
  }
}
