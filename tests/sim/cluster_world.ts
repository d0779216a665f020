// A simulated cluster: ten processes in two zones, one clock, one seed, a topic, a bucket and a network with
// weather, and clients that remember what was acknowledged. Its laws are those of cluster_checks.ts.
// Rule: everything follows from the seed: the same seed has the same journal.
//
//   clients ─▶ distributors ─▶ topic ─▶ live-stores of two zones ◀── queriers ◀── questions
//                                └────▶ block-builder ──▶ bucket ◀──────┘
//                                                          └── backend
import { SimulatedClock } from "../../lib/clock.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { Audit } from "./cluster_audit.ts";
import { Checks } from "./cluster_checks.ts";
import { Clients } from "./cluster_clients.ts";
import { Operator } from "./cluster_downscale.ts";
import { Faults } from "./cluster_faults.ts";
import type { BrokenRule, Ground } from "./cluster_ground.ts";
import { Network } from "./cluster_network.ts";
import { Process, type ProcessSpec } from "./cluster_process.ts";
import { SimulatedStore } from "./cluster_store.ts";
import { TIMES } from "./cluster_times.ts";
import { SimulatedTopic } from "./cluster_topic.ts";

const START_MS = 1_767_268_800_000;
const PARTITIONS = 2;
const ZONES = ["zone-a", "zone-b"];
/** Between two steps, at most. */
const STEP_MS = 30_000;

export interface ClusterReport {
  readonly seed: number;
  readonly steps: number;
  readonly acknowledgedSpans: number;
  readonly refusedPushes: number;
  readonly faults: number;
  readonly lives: number;
  readonly answers: number;
  readonly refusals: number;
  readonly simulatedMs: number;
  readonly problems: readonly string[];
}

export class ClusterWorld {
  readonly clock = new SimulatedClock(START_MS, nextTurn);
  readonly journal: string[] = [];
  readonly tell = (event: string) =>
    void this.journal.push(`${Math.floor(this.clock.now() - START_MS)} ${event}`);
  readonly ground: Ground;
  readonly processes: readonly Process[];
  readonly checks: Checks;
  readonly clients: Clients;
  readonly faults: Faults;
  readonly audit: Audit;
  readonly #random: Random;
  #operator: Operator | undefined;

  constructor(readonly seed: number, broken?: BrokenRule) {
    const { clock } = this;
    const random = this.#random = seededRandom(seed);
    const { tell } = this;
    const network = new Network(clock, random);
    const bucket = new SimulatedStore(clock, random, network);
    this.checks = new Checks(() => bucket.objects, () => Math.floor(clock.now() - START_MS));
    const topic = new SimulatedTopic(clock, random, network, PARTITIONS, this.checks);
    const specs = processSpecs(broken);
    const seeds = specs.slice(0, 3).map(({ name }) => name);
    this.ground = { clock, random, network, topic, bucket, seeds, broken };
    this.processes = specs.map((spec) => new Process(this.ground, spec, tell));
    const names = specs.filter(({ kind }) => kind === "distributor").map(({ name }) => name);
    this.clients = new Clients(clock, random, network, this.checks, names, tell);
    this.faults = new Faults(this.ground, this.processes, tell);
    this.audit = new Audit({
      ...this,
      zones: ZONES,
      operator: () => this.#operator,
      startMs: START_MS,
      tell,
      pass: (ms) => this.pass(ms),
    });
  }

  async run(steps: number): Promise<ClusterReport> {
    await this.live(steps);
    return await this.end(steps);
  }

  /** Things happen, and it is looked at once in between. */
  async live(steps: number): Promise<void> {
    await this.begin();
    const downscaleAt = this.#random.next() < 0.5 ? this.#below(steps) : -1;
    const auditAt = this.#below(steps);
    for (let step = 0; step < steps; step++) {
      await this.pass(this.#below(STEP_MS));
      const dice = this.#random.next();
      if (dice < 0.5) this.clients.send();
      else if (dice < 0.65) void this.audit.ask();
      else if (dice < 0.8) this.faults.begin();
      if (step === downscaleAt) this.downscale();
      if (step === auditAt) await this.look("audit");
    }
  }

  /** Until all are up and there is a ring. */
  async begin(): Promise<void> {
    for (const process of this.processes) process.start();
    await this.pass(TIMES.ownersMinMs + 4 * TIMES.heartbeatMs);
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  process(name: string): Process {
    return this.processes.find((one) => one.name === name)!;
  }

  /** Heals, and looks for everything; who is away for long stays away. */
  async look(what: string): Promise<void> {
    this.faults.heal();
    await this.audit.all(what);
  }

  /** Begins to take the last partition away. */
  downscale(): void {
    const partition = PARTITIONS - 1;
    const stores = this.processes.filter(({ name, spec }) =>
      spec.kind === "live-store" && name.endsWith(`-${partition}`)
    );
    const heal = () => this.faults.heal();
    this.#operator = new Operator(this.clock, partition, stores, heal, this.tell);
    void this.#operator.run();
  }

  /** Heals for good: what was taken away is gone, all is in the bucket. */
  async end(steps: number): Promise<ClusterReport> {
    this.faults.heal();
    for (const process of this.processes) process.comeBack();
    await this.audit.last();
    const hashes = this.processes.map(({ rings }) => rings?.map.contentsHash.join("-"));
    this.tell(`rings ${hashes.join(" ")}`);
    for (const process of this.processes) process.end();
    return {
      seed: this.seed,
      steps,
      acknowledgedSpans: this.checks.acknowledged.size,
      refusedPushes: this.clients.refused,
      faults: this.faults.begun,
      lives: this.processes.reduce((sum, { lives }) => sum + lives, 0),
      answers: this.audit.answers,
      refusals: this.audit.refusals,
      simulatedMs: this.clock.now() - START_MS,
      problems: this.checks.problems,
    };
  }

  #below(n: number): number {
    return Math.floor(this.#random.next() * n);
  }
}

function processSpecs(broken: BrokenRule | undefined): ProcessSpec[] {
  const ordinals = Array.from({ length: PARTITIONS }, (_, i) => i);
  const specs: ProcessSpec[] = [
    ...ZONES.map((zone) => ({ name: `distributor-${zone}-0`, zone, kind: "distributor" as const })),
    ...ZONES.flatMap((zone) =>
      ordinals.map((i) => ({ name: `live-store-${zone}-${i}`, zone, kind: "live-store" as const }))
    ),
    { name: "block-builder-0", zone: "zone-a", kind: "block-builder", partitions: ordinals },
    ...ZONES.map((zone) => ({ name: `querier-${zone}-0`, zone, kind: "querier" as const })),
    { name: "backend-0", zone: "zone-a", kind: "backend" },
  ];
  if (broken !== "owns_twice") return specs;
  return [...specs, { name: "live-store-zone-a-twin-0", zone: "zone-a", kind: "live-store" }];
}
