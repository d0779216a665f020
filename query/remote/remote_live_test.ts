import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { AnswerOf, QueryRequest, TagsAnswer, TagsRequest } from "../engine/mod.ts";
import type { OwnedPartition } from "./covering.ts";
import type { LiveOwner } from "./live_owner.ts";
import type { LiveReply, LiveStatus, Watermark } from "./live_wire.ts";
import { RemoteLive, type RemoteLiveOptions } from "./remote_live.ts";

const signal = new AbortController().signal;
const request: TagsRequest = {
  kind: "tags",
  tenant: "acme",
  scope: "",
  query: "",
  startSeconds: 0,
  endSeconds: 0,
};

class FakeOwner implements LiveOwner {
  readonly asked: (readonly number[])[] = [];
  offset = 10;
  isAway = false;
  refusal: string | undefined;
  isClosed = false;
  gate: Promise<void> = Promise.resolve();

  constructor(readonly address: string) {}

  #marks(partitions: readonly number[]): Watermark[] {
    return partitions.map((partition) => ({
      partition,
      nextOffset: this.offset,
      completeToMs: this.offset * 100,
    }));
  }

  async query<R extends QueryRequest>(
    _: R,
    partitions: readonly number[],
  ): Promise<LiveReply<AnswerOf<R>>> {
    this.asked.push(partitions);
    await this.gate;
    if (this.isAway) throw new UnavailableError(`${this.address} is away`);
    const scopes = { span: [`${this.address}${partitions.join("")}`] };
    const answer = { kind: "tags", scopes } as unknown as TagsAnswer;
    return { found: [answer as AnswerOf<R>], watermarks: this.#marks(partitions) };
  }

  findTrace(_tenant: string, _id: Uint8Array, partitions: readonly number[]) {
    this.asked.push(partitions);
    const found = [new Uint8Array(partitions)];
    return Promise.resolve({ found, watermarks: this.#marks(partitions) });
  }

  status(): Promise<LiveStatus> {
    if (this.isAway) return Promise.reject(new UnavailableError("away"));
    return Promise.resolve({ watermarks: this.#marks([0, 1]), refusal: this.refusal });
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
  }
}

/** Owners by address, of which zone a's come first. */
function liveOf(ring: () => OwnedPartition[], options: Partial<RemoteLiveOptions> = {}) {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const owners = new Map<string, FakeOwner>();
  const owner = (address: string) => {
    const known = owners.get(address);
    if (known !== undefined && !known.isClosed) return known;
    const made = new FakeOwner(address);
    owners.set(address, made);
    return made;
  };
  const live = new RemoteLive(runtime, ring, owner, {
    hedgingDelayMs: 1_000,
    minimizeRequests: true,
    checkIntervalMs: 0,
    ...options,
  });
  return { live, owners, clock, runtime };
}

const owner = (address: string) => ({ id: address, address, zone: address[0]! });
const twoZones = (): OwnedPartition[] => [
  { partition: 0, owners: [owner("a0"), owner("b0")] },
  { partition: 1, owners: [owner("a1"), owner("b1")] },
];
const names = (answers: readonly TagsAnswer[]) =>
  answers.map(({ scopes }) => scopes.span![0]!).sort();

Deno.test("every partition is asked of one owner, the best", async () => {
  const { live, owners, runtime } = liveOf(twoZones);
  await using _ = live;
  assert.deepEqual(names(await live.query(request, signal)), ["a00", "a11"]);
  assert.deepEqual(owners.get("b0")!.asked, []);
  const found = await live.findTrace("acme", new Uint8Array(16), signal);
  assert.deepEqual(found.map((bytes) => bytes[0]), [0, 1]);
  assert.match(await runtime.metrics.text(), /tempo_querier_livestore_clients 4/);
});

Deno.test("an empty ring is no empty answer", async () => {
  const { live } = liveOf(() => []);
  await using _ = live;
  await assert.rejects(live.query(request, signal), { name: "UnavailableError" });
});

Deno.test("who failed is asked after the others, until it has answered again", async () => {
  const { live, owners } = liveOf(twoZones);
  await using _ = live;
  await live.query(request, signal);
  owners.get("a0")!.isAway = true;
  assert.deepEqual(names(await live.query(request, signal)), ["a11", "b00"]);
  owners.get("a0")!.asked.length = 0;
  assert.deepEqual(names(await live.query(request, signal)), ["a11", "b00"]);
  assert.deepEqual(owners.get("a0")!.asked, []);
  owners.get("a0")!.isAway = false;
  await live.check(signal);
  assert.deepEqual(names(await live.query(request, signal)), ["a00", "a11"]);
});

Deno.test("one that says it is starting is asked after the others, without having been asked", async () => {
  const { live, owners } = liveOf(twoZones);
  await using _ = live;
  await live.query(request, signal);
  owners.get("a1")!.refusal = "live-store is starting";
  await live.check(signal);
  assert.deepEqual(names(await live.query(request, signal)), ["a00", "b11"]);
});

Deno.test("without minimizing, all owners are asked at once and one counts", async () => {
  const { live, owners, clock } = liveOf(twoZones, { minimizeRequests: false });
  await using _ = live;
  const answers = live.query(request, signal);
  await clock.advance(0);
  assert.equal(names(await answers).length, 2);
  for (const address of ["a0", "a1"]) assert.equal(owners.get(address)!.asked.length, 1);
  owners.get("a0")!.gate = new Promise(() => {});
  const next = live.query(request, signal);
  await clock.advance(0);
  assert.deepEqual(names(await next), ["a11", "b00"]);
});

Deno.test("how far answers go is how far every owner that may answer has come", async () => {
  const { live, owners } = liveOf(twoZones);
  await using _ = live;
  assert.deepEqual(live.watermarks(), []);
  await live.query(request, signal);
  assert.deepEqual(live.watermarks(), []); // what zone b has is not known
  owners.get("b1")!.offset = 7;
  await live.check(signal);
  assert.deepEqual(live.watermarks(), [
    { partition: 0, nextOffset: 10, completeToMs: 1000 },
    { partition: 1, nextOffset: 7, completeToMs: 700 },
  ]);
  owners.get("b1")!.offset = 12;
  await live.check(signal);
  assert.equal(live.watermarks()[1]!.nextOffset, 10);
});

Deno.test("a connection is closed when its owner has left and nothing waits for it", async () => {
  let ring = twoZones();
  const { live, owners } = liveOf(() => ring);
  await using _ = live;
  await live.query(request, signal);
  const gate = Promise.withResolvers<void>();
  owners.get("a0")!.gate = gate.promise;
  const slow = live.query(request, signal);
  ring = [{ partition: 0, owners: [owner("b0")] }, { partition: 1, owners: [owner("b1")] }];
  assert.deepEqual(names(await live.query(request, signal)), ["b00", "b11"]);
  assert.deepEqual(["a0", "a1", "b0"].map((one) => owners.get(one)!.isClosed), [
    false,
    true,
    false,
  ]);
  gate.resolve();
  assert.deepEqual(names(await slow), ["a00", "a11"]);
  assert.ok(owners.get("a0")!.isClosed);
});

Deno.test("owners are looked after without being asked anything", async () => {
  const { live, clock, owners } = liveOf(twoZones, { checkIntervalMs: 500 });
  await clock.advance(0);
  assert.equal(live.watermarks().length, 2);
  owners.get("a0")!.isAway = true;
  await clock.advance(500);
  assert.deepEqual(names(await live.query(request, signal)), ["a11", "b00"]);
  const closed = live[Symbol.asyncDispose]();
  await clock.advance(0);
  await closed;
  assert.ok(owners.get("b1")!.isClosed);
});
