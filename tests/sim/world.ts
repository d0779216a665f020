// A simulated world: one clock, one seed, a disk that forgets what was not synced, an object store
// with weather, and a client that remembers what was acknowledged.
// Laws, looked at after the world has healed: every acknowledged span is found by id and by search,
// and none of them twice.
import { SimulatedClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { MemoryObjectStore } from "../../storage/store/memory.ts";
import { decodeOtlp } from "../support/otlp.ts";
import { spanIdOf, traceIdOf, traceMessage } from "../support/records.ts";
import { Life } from "./life.ts";

const TENANT = "single-tenant";
const NEVER = new AbortController().signal;
const START_MS = 1_767_268_800_000;

export interface Report {
  readonly seed: number;
  readonly steps: number;
  readonly acknowledgedSpans: number;
  readonly refusedPushes: number;
  readonly crashes: number;
  /** Blocks in the end that were made of others. */
  readonly mergedBlocks: number;
  readonly simulatedMs: number;
  readonly problems: readonly string[];
}

export class World {
  readonly clock = new SimulatedClock(START_MS);
  readonly random: Random;
  readonly disk: SimulatedDisk;
  /** Where the scheduler keeps its journal. */
  readonly workDisk: SimulatedDisk;
  readonly store = new MemoryObjectStore();
  readonly journal: string[] = [];
  /** Span numbers by trace number. */
  readonly #acknowledged = new Map<number, Set<number>>();
  readonly #pushes = new Set<Promise<void>>();
  #life: Life | undefined;
  #spans = 0;
  #refused = 0;
  #crashes = 0;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed);
    this.disk = new SimulatedDisk(this.clock);
    this.disk.syncMs = 2;
    this.workDisk = new SimulatedDisk(this.clock);
  }

  async run(steps: number): Promise<Report> {
    await this.#begin();
    for (let step = 0; step < steps; step++) await this.#step();
    const problems = await this.#check();
    return {
      seed: this.seed,
      steps,
      acknowledgedSpans: [...this.#acknowledged.values()].reduce((sum, { size }) => sum + size, 0),
      refusedPushes: this.#refused,
      crashes: this.#crashes,
      mergedBlocks: this.#mergedBlocks(),
      simulatedMs: this.clock.now() - START_MS,
      problems,
    };
  }

  #mergedBlocks(): number {
    const metas = [...this.store.objects].filter(([key]) => key.endsWith("/meta.json"));
    const levels = metas.map(([, meta]) => JSON.parse(new TextDecoder().decode(meta)));
    return levels.filter(({ compactionLevel }) => compactionLevel > 0).length;
  }

  async #step(): Promise<void> {
    const dice = this.random.next();
    if (dice < 0.55) this.#push();
    else if (dice < 0.80) await this.#pass(this.#below(3000));
    else if (dice < 0.88) await this.#crash(this.random.next() < 0.5 ? "power" : "kill");
    else if (dice < 0.93) this.#breakStore();
    else if (dice < 0.97) this.#breakDisk();
    else this.disk.capacityBytes = this.disk.capacityBytes === Infinity ? 60_000 : Infinity;
  }

  #below(n: number): number {
    return Math.floor(this.random.next() * n);
  }

  /** Sends one to three traces and does not wait: what is acknowledged is remembered. */
  #push(): void {
    const life = this.#life!;
    const traces = Array.from({ length: 1 + this.#below(3) }, () => ({
      trace: this.#below(40),
      spans: Array.from({ length: 1 + this.#below(8) }, () => this.#spans++),
      startUnixNano: BigInt(Math.floor(this.clock.now())) * 1_000_000n,
    }));
    const messages = traces.map((trace) => traceMessage(trace).bytes);
    const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
    messages.reduce((at, message) => (bytes.set(message, at), at + message.length), 0);
    const push = { tenant: TENANT, bytes, receiver: "otlp/sim", transport: "http" as const };
    const sent = life.distributor.push(push, NEVER).then(() => {
      for (const { trace, spans } of traces) {
        const known = this.#acknowledged.get(trace) ?? new Set();
        spans.forEach((span) => known.add(span));
        this.#acknowledged.set(trace, known);
      }
      this.journal.push(
        `acknowledged ${JSON.stringify(traces.map(({ trace, spans }) => [trace, spans]))}`,
      );
    }, (error) => {
      if (!(error instanceof UnavailableError) && !(error instanceof InputError)) throw error;
      this.#refused++;
    }).finally(() => this.#pushes.delete(sent));
    this.#pushes.add(sent);
  }

  async #crash(kind: "power" | "kill"): Promise<void> {
    this.journal.push(`crash ${kind} at ${this.clock.now()}`);
    this.#crashes++;
    for (const disk of [this.disk, this.workDisk]) {
      if (kind === "power") disk.crash(this.random);
      else disk.kill();
    }
    this.#life!.crash();
    await this.#pass(1000); // the dead life's promises settle on a dead disk
    await this.#begin();
  }

  #breakStore(): void {
    const operation = this.random.next() < 0.7 ? "write" : "read";
    const fail = new UnavailableError("simulated store failure");
    this.store.script({ operation, call: 1 + this.#below(6), fail });
    this.journal.push(`store: a ${operation} will fail`);
  }

  /** The next few syncs or writes of the disk fail. */
  #breakDisk(): void {
    let left = 1 + this.#below(3);
    const kind = this.random.next() < 0.5 ? "sync" : "write";
    this.journal.push(`disk: ${left} × ${kind} will fail`);
    this.disk.before = (operation) => {
      if (operation.kind !== kind || left === 0) return;
      left--;
      throw new UnavailableError(`simulated ${kind} failure`);
    };
  }

  async #begin(): Promise<void> {
    for (;;) {
      try {
        const options = {
          spansMax: 10 + this.#below(200),
          segmentBytesMax: 4_000 + this.#below(30_000),
        };
        this.#life = await this.#passing(
          Life.begin(this, this.disk.mount(), this.workDisk.mount(), this.store, options),
        );
        return;
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.journal.push(`begin failed: ${error.message}`);
        this.disk.capacityBytes = Infinity; // an operator makes room and starts it again
        await this.#pass(1000);
      }
    }
  }

  /** Lets time pass, with real turns of the event loop for what does not wait on the clock. */
  async #pass(ms: number): Promise<void> {
    const steps = Math.max(1, Math.ceil(ms / 250));
    for (let i = 0; i < steps; i++) {
      for (let turn = 0; turn < 4; turn++) await nextTurn();
      await this.clock.advance(ms / steps);
    }
  }

  /** Waits for something while time passes. */
  async #passing<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => isSettled = true;
    promise.then(settle, settle);
    for (let i = 0; !isSettled; i++) {
      if (i > 20_000) throw new Error(`seed ${this.seed}: nothing more happens`);
      await this.#pass(20);
    }
    return await promise;
  }

  async #check(): Promise<string[]> {
    this.disk.before = undefined;
    this.disk.capacityBytes = Infinity;
    await this.#passing(Promise.all(this.#pushes));
    await this.#crash("power");
    const problems: string[] = [];
    for (const [trace, spans] of this.#acknowledged) {
      const byId = await this.#asked(() => this.#findSpans(trace));
      problems.push(...compare(`trace ${trace} by id`, spans, byId));
    }
    const bySearch = await this.#asked(() => this.#searchSpans());
    for (const [trace, spans] of this.#acknowledged) {
      problems.push(...compare(`trace ${trace} by search`, spans, bySearch.get(trace) ?? []));
    }
    this.#life!.crash();
    await this.#passing(this.#life!.ended());
    return problems;
  }

  /** Asks until partitions have replayed. */
  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    for (let i = 0;; i++) {
      try {
        return await this.#passing(ask());
      } catch (error) {
        if (!(error instanceof UnavailableError) || i > 200) throw error;
        await this.#pass(500);
      }
    }
  }

  async #findSpans(trace: number): Promise<string[]> {
    const found = await this.#life!.frontend.findTrace(TENANT, traceIdOf(trace), NEVER);
    if (found === undefined) return [];
    if (found.partialBecause !== "") throw new UnavailableError(found.partialBecause);
    return decodeOtlp(found.otlp).resourceSpans.flatMap(
      (r: { scopeSpans: { spans: { spanId: Uint8Array }[] }[] }) =>
        r.scopeSpans.flatMap(({ spans }) =>
          spans.map(({ spanId }) => Uint8Array.from(spanId).toHex())
        ),
    );
  }

  /** A trace that lies in a block and in memory is one result, with the larger of its two spansets. */
  async #searchSpans(): Promise<Map<number, string[]>> {
    const found = new Map<number, string[]>();
    for (const [trace, spans] of this.#acknowledged) {
      const ids: string[] = [];
      for (const span of spans) {
        const { answer } = await this.#life!.frontend.search({
          kind: "search",
          tenant: TENANT,
          query: `{ span:id = "${spanIdOf(span).toHex()}" }`,
          limit: 5,
          spansPerSpanSet: 10,
          startSeconds: 0,
          endSeconds: 0,
          mostRecent: false,
        }, NEVER);
        for (const { traceId, spanSets } of answer.traces) {
          if (traceId !== traceIdOf(trace).toHex()) continue;
          ids.push(...spanSets.flatMap(({ spans }) => spans.map(({ spanId }) => spanId)));
        }
      }
      found.set(trace, ids);
    }
    return found;
  }
}

/** Every acknowledged span is there, and none of the found ones twice. */
function compare(what: string, spans: ReadonlySet<number>, found: readonly string[]): string[] {
  const problems: string[] = [];
  const seen = new Set(found);
  for (const span of spans) {
    if (!seen.has(spanIdOf(span).toHex())) problems.push(`${what}: span ${span} is lost`);
  }
  if (seen.size < found.length) {
    problems.push(`${what}: ${found.length - seen.size} spans are there twice`);
  }
  return problems;
}
