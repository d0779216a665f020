// A frontend and its queriers without a network between them, on a clock that is stepped.
import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { CorruptionError, UnavailableError } from "../../lib/errors.ts";
import type { GrpcCall, GrpcMethods } from "../../lib/grpc_server.ts";
import { kindOf } from "../../lib/grpc_kinds.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { QueryRequest, TagsAnswer, TagsRequest } from "../engine/mod.ts";
import {
  decodeAnswer,
  encodeAnswer,
  type FindResult,
  type Scanner,
  type ScanResult,
} from "../querier/mod.ts";
import { ConnectedQueriers } from "./connected_queriers.ts";
import type { FrontendLink } from "./frontend_link.ts";
import { FrontendWorker } from "./frontend_worker.ts";
import {
  ANSWER,
  type AnswerPart,
  BEAT,
  type Beat,
  encodeAnswerPart,
  type Frame,
  NOTIFY_SHUTDOWN,
  PULL,
  type PullRequest,
  VERSION,
} from "./pull_wire.ts";

const signal = new AbortController().signal;
const block = (blockID: string) => ({ blockID, size: 1, tenantID: "acme" }) as BlockMeta;
const request: TagsRequest = {
  kind: "tags",
  tenant: "acme",
  scope: "",
  query: "",
  startSeconds: 0,
  endSeconds: 0,
};

/** Scans when it is let, and says who did it. */
class FakeScanner implements Scanner {
  readonly begun: string[] = [];
  readonly stopped: string[] = [];
  readonly gates = new Map<string, PromiseWithResolvers<void>>();

  constructor(readonly name: string, readonly isOpen = true) {}

  async scan<R extends QueryRequest>(
    _: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    const names = blocks.map(({ blockID }) => blockID).join("");
    this.begun.push(names);
    const gate = Promise.withResolvers<void>();
    gate.promise.catch(() => {});
    this.gates.set(names, gate);
    signal.addEventListener("abort", () => {
      this.stopped.push(names);
      gate.reject(signal.reason);
    });
    if (!this.isOpen) await gate.promise;
    const answer: TagsAnswer = {
      kind: "tags",
      scopes: { span: [`${this.name}:${names}`] },
      inspectedTraces: 0,
      inspectedSpans: 0,
      inspectedBytes: 0,
    };
    return { answer: answer as ScanResult<R>["answer"], completedBlocks: blocks.length };
  }

  estimate(_: QueryRequest, blocks: readonly BlockMeta[]): Promise<number> {
    return Promise.resolve(blocks.length * 100);
  }

  find(traceId: Uint8Array, blocks: readonly BlockMeta[]): Promise<FindResult> {
    if (blocks.length === 0) return Promise.reject(new CorruptionError("no block", 3));
    const traces = [traceId.slice() as Uint8Array<ArrayBuffer>];
    return Promise.resolve({ traces, failedBlocks: ["x"], isListStale: true });
  }
}

/** Calls the methods of a frontend as a server would. */
class DirectLink implements FrontendLink {
  readonly #gone = new AbortController();

  constructor(readonly methods: () => GrpcMethods) {}

  cut(): void {
    this.#gone.abort(new UnavailableError("cut"));
  }

  async *pull(request: PullRequest, signal: AbortSignal): AsyncIterable<Frame> {
    const either = AbortSignal.any([signal, this.#gone.signal]);
    const method = this.methods()[PULL]!;
    if (method.kind !== "server_stream") throw new Error("no stream");
    const frames = method.handle(callOf(encodeAnswer(request), either))[Symbol.asyncIterator]();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    either.addEventListener("abort", () => reject(either.reason));
    try {
      while (true) {
        const frame = await Promise.race([frames.next(), promise]);
        if (frame.done) return;
        yield decodeAnswer<Frame>(frame.value);
      }
    } catch (error) {
      throw kindOf(error);
    } finally {
      void frames.return?.();
    }
  }

  async answer(part: AnswerPart): Promise<boolean> {
    return (await this.#call<{ isWanted: boolean }>(ANSWER, encodeAnswerPart(part))).isWanted;
  }

  async beat(beat: Beat): Promise<void> {
    await this.#call(BEAT, encodeAnswer(beat));
  }

  async notifyShutdown(session: number): Promise<void> {
    await this.#call(NOTIFY_SHUTDOWN, encodeAnswer({ session }));
  }

  async #call<T>(path: string, message: Uint8Array): Promise<T> {
    if (this.#gone.signal.aborted) throw this.#gone.signal.reason;
    const method = this.methods()[path]!;
    if (method.kind !== "unary") throw new Error("no unary method");
    return decodeAnswer<T>(await method.handle(callOf(message, signal)));
  }

  [Symbol.dispose](): void {
    this.cut();
  }
}

function callOf(message: Uint8Array, signal: AbortSignal): GrpcCall {
  return { path: "", message, metadata: new Map(), signal, stopSignal: signal };
}

class Fleet {
  readonly clock = new SimulatedClock();
  readonly runtime: Runtime = createRuntime({ clock: this.clock });
  queriers = new ConnectedQueriers(this.runtime);
  addresses = ["frontend"];
  /** Frontends at other addresses. */
  readonly others = new Map<string, ConnectedQueriers>();
  readonly links: DirectLink[] = [];
  readonly workers: FrontendWorker[] = [];

  worker(querier: string, scanner: Scanner): FrontendWorker {
    const connect = (address: string) => {
      const link = new DirectLink(() => (this.others.get(address) ?? this.queriers).methods());
      this.links.push(link);
      return link;
    };
    const lookup = () =>
      this.addresses.length === 0
        ? Promise.reject(new Error("no name server"))
        : Promise.resolve(this.addresses);
    const worker = new FrontendWorker(this.runtime, scanner, lookup, connect, {
      querier,
      lanes: (frontends) => Math.floor(8 / frontends),
      lookupEveryMs: 10_000,
      stopTimeoutMs: 2_000,
    });
    this.workers.push(worker);
    return worker;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 40; i++) {
      await this.clock.advance(0);
      await new Promise((resolve) => setImmediate(resolve)); // answers go out a turn at a time
    }
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await this.clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async end(): Promise<void> {
    const ended = Promise.all(this.workers.map((worker) => worker[Symbol.asyncDispose]()));
    await this.pass(3_000);
    await ended;
    this.queriers.stop();
    await this.settle();
  }
}

const whoIn = ({ answer }: ScanResult<TagsRequest>) => answer.scopes.span![0]!;

Deno.test("jobs go to the querier and their answers come back, whatever they are", async () => {
  const fleet = new Fleet();
  const { queriers } = fleet;
  assert.match(queriers.readiness()[0]!, /number of queriers connected to query-frontend is 0/);
  assert.equal(queriers.homeOf(block("a")), undefined);
  fleet.worker("q1", new FakeScanner("one"));
  await fleet.settle();
  assert.deepEqual(queriers.readiness(), []);
  const [scanner] = queriers.all;
  assert.equal(scanner!.lanes, 8);
  const scanned = scanner!.scan(request, [block("a"), block("b")], signal);
  const estimated = scanner!.estimate(request, [block("a")], signal);
  const id = Uint8Array.from({ length: 16 }, (_, i) => i * 16);
  const found = scanner!.find(id, [block("a")], signal);
  const failed = assert.rejects(scanner!.find(id, [], signal), (error) => {
    return error instanceof CorruptionError && error.offset === 3;
  });
  await fleet.settle();
  assert.equal(whoIn(await scanned), "one:ab");
  assert.equal(await estimated, 100);
  assert.deepEqual(await found, { traces: [id], failedBlocks: ["x"], isListStale: true });
  await failed;
  const text = await fleet.runtime.metrics.text();
  assert.match(text, /tempo_querier_worker_request_executed_total 4/);
  assert.match(text, /segno_query_frontend_inflight_jobs 0/);
  await fleet.end();
});

Deno.test("a question that is given up is stopped at the querier too", async () => {
  const fleet = new Fleet();
  const scanner = new FakeScanner("one", false);
  fleet.worker("q1", scanner);
  await fleet.settle();
  const stop = new AbortController();
  const scanned = fleet.queriers.all[0]!.scan(request, [block("a")], stop.signal);
  await fleet.settle();
  assert.match(await fleet.runtime.metrics.text(), /inflight_jobs 1/);
  const failed = assert.rejects(scanned, /enough/);
  stop.abort(new Error("enough"));
  await failed;
  await fleet.settle();
  assert.deepEqual(scanner.stopped, ["a"]);
  await fleet.end();
});

Deno.test("a querier that is cut off fails what it has, and comes back", async () => {
  const fleet = new Fleet();
  const scanner = new FakeScanner("one", false);
  fleet.worker("q1", scanner);
  await fleet.settle();
  const [first] = fleet.queriers.all;
  const failed = assert.rejects(first!.scan(request, [block("a")], signal), UnavailableError);
  await fleet.settle();
  fleet.links[0]!.cut();
  await failed;
  assert.ok(!fleet.queriers.all.includes(first!));
  await fleet.pass(2_000);
  assert.equal(fleet.queriers.all.length, 1);
  assert.deepEqual(scanner.stopped, ["a"]);
  assert.match(await fleet.runtime.metrics.text(), /lost_queriers_total 1/);
  await fleet.end();
});

Deno.test("an answer that cannot be delivered ends the stream, so that nobody waits for it", async () => {
  const fleet = new Fleet();
  fleet.worker("q1", new FakeScanner("one"));
  await fleet.settle();
  const link = fleet.links[0]!;
  link.answer = () => Promise.reject(new UnavailableError("lost on the way"));
  const failed = assert.rejects(
    fleet.queriers.all[0]!.scan(request, [block("a")], signal),
    UnavailableError,
  );
  await fleet.settle();
  await failed;
  await fleet.pass(2_000);
  const scanned = fleet.queriers.all[0]!.scan(request, [block("a")], signal);
  await fleet.settle();
  assert.equal(whoIn(await scanned), "one:a");
  await fleet.end();
});

Deno.test("whoever falls silent is gone for the other, after a while and not before", async () => {
  const fleet = new Fleet();
  fleet.worker("q1", new FakeScanner("one"));
  await fleet.settle();
  await fleet.pass(60_000);
  assert.equal(fleet.links.length, 1); // beats keep it
  const link = fleet.links[0]!;
  link.beat = () => Promise.reject(new UnavailableError("lost on the way"));
  await fleet.pass(14_000);
  assert.equal(fleet.links.length, 1);
  await fleet.pass(10_000);
  assert.equal(fleet.links.length, 2);
  assert.equal(fleet.queriers.all.length, 1);
  await fleet.end();

  // The other way: a frontend that sends nothing.
  const silent = new Fleet();
  silent.worker("q1", new FakeScanner("one"));
  silent.queriers = new ConnectedQueriers(silent.runtime);
  let pulls = 0;
  silent.queriers.methods = () => ({
    [PULL]: {
      kind: "server_stream",
      handle: async function* ({ signal }) {
        pulls++;
        yield encodeAnswer({ kind: "hello", session: 1 } satisfies Frame);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    },
  });
  await silent.pass(14_900);
  assert.equal(pulls, 1);
  await silent.pass(3_000);
  assert.equal(pulls, 2);
  const ended = Promise.all(silent.workers.map((worker) => worker[Symbol.asyncDispose]()));
  await silent.pass(3_000);
  await ended;
});

Deno.test("a querier that stops says so, finishes what it has and gets no more", async () => {
  const fleet = new Fleet();
  const scanner = new FakeScanner("one", false);
  const worker = fleet.worker("q1", scanner);
  await fleet.settle();
  const [remote] = fleet.queriers.all;
  const scanned = remote!.scan(request, [block("a")], signal);
  await fleet.settle();
  const stopped = worker[Symbol.asyncDispose]();
  await fleet.settle();
  assert.deepEqual(fleet.queriers.all, []);
  await assert.rejects(remote!.scan(request, [block("b")], signal), /is leaving/);
  scanner.gates.get("a")!.resolve();
  await fleet.settle();
  assert.equal(whoIn(await scanned), "one:a");
  await stopped;
  assert.deepEqual(scanner.begun, ["a"]);
  assert.match(await fleet.runtime.metrics.text(), /lost_queriers_total 0/);
  await fleet.end();
});

Deno.test("one that does not finish in time leaves all the same", async () => {
  const fleet = new Fleet();
  const worker = fleet.worker("q1", new FakeScanner("one", false));
  await fleet.settle();
  const scanned = fleet.queriers.all[0]!.scan(request, [block("a")], signal);
  const failed = assert.rejects(scanned, UnavailableError);
  await fleet.settle();
  const stopped = worker[Symbol.asyncDispose]();
  await fleet.pass(2_100);
  await stopped;
  await failed;
  await fleet.end();
});

Deno.test("a frontend that stops lets its queriers go; one that starts anew gets them back", async () => {
  const fleet = new Fleet();
  for (const name of ["q1", "q2"]) fleet.worker(name, new FakeScanner(name));
  await fleet.settle();
  assert.equal(fleet.queriers.all.length, 2);
  fleet.queriers.stop();
  await fleet.pass(500);
  fleet.queriers = new ConnectedQueriers(fleet.runtime);
  await fleet.pass(2_000);
  assert.equal(fleet.queriers.all.length, 2);
  await fleet.end();
});

Deno.test("a querier that comes twice has lost its first stream", async () => {
  const fleet = new Fleet();
  fleet.worker("q1", new FakeScanner("old", false));
  await fleet.settle();
  const lost = assert.rejects(
    fleet.queriers.all[0]!.scan(request, [block("a")], signal),
    /has come again/,
  );
  fleet.addresses = []; // so that the first does not come back
  await fleet.pass(100);
  const second = new Fleet();
  second.queriers = fleet.queriers;
  second.worker("q1", new FakeScanner("new"));
  await second.settle();
  await lost;
  assert.equal(fleet.queriers.all.length, 1);
  await Promise.all([fleet.end(), second.end()]);
});

Deno.test("a querier of another version is refused", async () => {
  const fleet = new Fleet();
  const link = new DirectLink(() => fleet.queriers.methods());
  const pulled = async () => {
    const request = { querier: "q", lanes: 1, version: VERSION + 1 };
    for await (const _ of link.pull(request, signal));
  };
  await assert.rejects(pulled, { name: "InputError", message: /speaks version 2/ });
});

Deno.test("frontends are followed as they come and go; lanes are shared among them", async () => {
  const fleet = new Fleet();
  const worker = fleet.worker("q1", new FakeScanner("one"));
  await fleet.settle();
  assert.equal(fleet.queriers.all[0]!.lanes, 8);
  fleet.addresses = [];
  await fleet.pass(20_000);
  assert.equal(fleet.queriers.all.length, 1); // who cannot be looked up is where it was
  const another = new ConnectedQueriers(fleet.runtime);
  fleet.others.set("another", another);
  fleet.addresses = ["frontend", "another"];
  await fleet.pass(25_000);
  assert.ok(worker.isConnected);
  for (const { all } of [fleet.queriers, another]) {
    assert.deepEqual(all.map(({ lanes }) => lanes), [4]);
  }
  fleet.addresses = ["another"];
  await fleet.pass(25_000);
  assert.deepEqual(fleet.queriers.all, []);
  assert.deepEqual(another.all.map(({ lanes }) => lanes), [8]);
  assert.match(await fleet.runtime.metrics.text(), /querier_worker_frontends 1/);
  await fleet.end();
});

Deno.test("a querier that comes or goes moves no more blocks than its own; frontends agree", async () => {
  const namesOf = async (queriers: readonly string[]) => {
    const fleet = new Fleet();
    for (const name of queriers) fleet.worker(name, new FakeScanner(name));
    await fleet.settle();
    const homes = new Map<string, string>();
    const index = new Map<Scanner, string>();
    for (const scanner of fleet.queriers.all) {
      index.set(scanner, (scanner as unknown as { readonly querier: string }).querier);
    }
    for (let i = 0; i < 600; i++) {
      const id = `1b4e28ba-2fa1-11d2-883f-${i.toString(16).padStart(12, "0")}`;
      homes.set(id, index.get(fleet.queriers.homeOf(block(id))!)!);
    }
    await fleet.end();
    return homes;
  };
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(["a", "b", "c", "d"], { minLength: 2 }), async (names) => {
      const before = await namesOf(names);
      assert.deepEqual(await namesOf([...names].reverse()), before);
      const after = await namesOf([...names, "new"]);
      const counts = new Map<string, number>();
      for (const [id, home] of after) {
        if (home !== "new") assert.equal(home, before.get(id));
        counts.set(home, (counts.get(home) ?? 0) + 1);
      }
      for (const count of counts.values()) {
        const fair = 600 / (names.length + 1);
        assert.ok(count > fair * 0.6 && count < fair * 1.5, `${count} of ${fair}`);
      }
    }),
    { numRuns: 4 },
  );
});

Deno.test("a frontend that is to stop lets its queriers finish, for a while, and takes no others", async () => {
  const fleet = new Fleet();
  const scanner = new FakeScanner("one", false);
  fleet.worker("q1", scanner);
  await fleet.settle();
  const scanned = fleet.queriers.all[0]!.scan(request, [block("a")], signal);
  await fleet.settle();
  let isDrained = false;
  const drained = fleet.queriers.drain(1_000).then(() => isDrained = true);
  await fleet.pass(500);
  assert.ok(!isDrained);
  const late = new Fleet();
  late.queriers = fleet.queriers;
  late.worker("q2", new FakeScanner("two"));
  await late.settle();
  assert.equal(fleet.queriers.all.length, 1);
  scanner.gates.get("a")!.resolve();
  await fleet.settle();
  await fleet.pass(100);
  assert.ok(isDrained);
  assert.equal(whoIn(await scanned), "one:a");
  const stuck = assert.rejects(fleet.queriers.all[0]!.scan(request, [block("b")], signal));
  const again = fleet.queriers.drain(1_000);
  await fleet.pass(1_100);
  await again;
  fleet.queriers.stop();
  await stuck;
  await Promise.all([drained, fleet.end(), late.end()]);
});
