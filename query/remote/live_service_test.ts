// Live-stores behind real gRPC on loopback, asked as another process asks them.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "../../lib/grpc_server.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { AnswerOf, MetricsAnswer, MetricsRequest, QueryRequest } from "../engine/mod.ts";
import { piecesOf } from "../querier/mod.ts";
import { GrpcLiveOwner } from "./live_owner.ts";
import { type LiveStore, liveStoreService } from "./live_service.ts";
import { LIVE_QUERY, type Watermark } from "./live_wire.ts";
import { RemoteLive } from "./remote_live.ts";

const signal = new AbortController().signal;
const clientOptions = { timeoutMs: 2_000, statusTimeoutMs: 1_000, receivedBytesMax: 1 << 20 };
const request: MetricsRequest = {
  kind: "metrics",
  tenant: "acme",
  query: "{} | rate()",
  startNano: 1_795_738_202_123_456_789n,
  endNano: 1_795_738_262_123_456_789n,
  stepNano: 1_000_000_000n,
  isInstant: false,
  startSeconds: 0,
  endSeconds: 60,
  exemplars: 0,
  maxSeries: 0,
};

function metricsAnswer(series: number): MetricsAnswer {
  return {
    kind: "metrics",
    coveredBlocks: [],
    inspectedTraces: 0,
    inspectedSpans: series,
    inspectedBytes: 0,
    leaves: [{
      exemplars: [],
      compared: [],
      crowded: [],
      series: Array.from({ length: series }, (_, i) => ({
        labels: [{ key: "name", value: { stringValue: `n${i}` } }],
        bucket: -1,
        values: Float64Array.of(i, NaN, -0),
        weights: i % 2 === 0 ? undefined : Float64Array.of(1, 2, 3),
      })),
    }],
  };
}

class FakeStore implements LiveStore {
  asked: QueryRequest[] = [];
  refused: string | undefined;
  error: Error | undefined;
  series = 3;
  hangs = false;
  hasStopped = Promise.withResolvers<void>();

  constructor(readonly name: string, readonly partitions: readonly number[]) {}

  watermarks(): Watermark[] {
    return this.partitions.map((partition) => ({ partition, nextOffset: 9, completeToMs: 7.5 }));
  }

  refusal(): string | undefined {
    return this.refused;
  }

  async query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]> {
    this.asked.push(request);
    if (this.error !== undefined) throw this.error;
    if (this.hangs) {
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          this.hasStopped.resolve();
          reject(signal.reason);
        })
      );
    }
    const answer = { ...metricsAnswer(this.series), coveredBlocks: [this.name] };
    return [answer as unknown as AnswerOf<R>];
  }

  findTrace(tenant: string, traceId: Uint8Array): Promise<Uint8Array[]> {
    return Promise.resolve([traceId, new Uint8Array(300_000).fill(7), new Uint8Array(0)]
      .concat(new TextEncoder().encode(tenant)));
  }
}

function serve(store: LiveStore) {
  const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 20 };
  const server = new GrpcServer(createRuntime(), liveStoreService(store), options);
  return { server, address: `127.0.0.1:${server.listen("127.0.0.1", 0)}` };
}

Deno.test("questions and answers are the same on the other side, however large", async () => {
  const store = new FakeStore("a", [3, 4]);
  const { server, address } = serve(store);
  await using _ = server;
  using owner = new GrpcLiveOwner(systemClock, address, clientOptions);
  for (const series of [0, 3, 3_000]) {
    store.series = series;
    const { found, watermarks } = await owner.query(request, [4], signal);
    assert.deepEqual(found, [{ ...metricsAnswer(series), coveredBlocks: ["a"] }]);
    assert.deepEqual(watermarks, [{ partition: 4, nextOffset: 9, completeToMs: 7.5 }]);
  }
  assert.deepEqual(store.asked[0], { ...request, onlyPartitions: [4] });
  const traceId = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
  const { found } = await owner.findTrace("acme", traceId, [3, 4], signal);
  assert.deepEqual(found, await store.findTrace("acme", traceId));
  assert.deepEqual(await owner.status(signal), {
    watermarks: store.watermarks(),
    refusal: undefined,
  });
});

Deno.test("a live-store refuses while it starts, and partitions that it has not", async () => {
  const store = new FakeStore("a", [3]);
  const { server, address } = serve(store);
  await using _ = server;
  using owner = new GrpcLiveOwner(systemClock, address, clientOptions);
  const refused = (text: RegExp) => (error: unknown) =>
    error instanceof UnavailableError && text.test(error.message);
  await assert.rejects(owner.query(request, [3, 5], signal), refused(/partition 5 is not here/));
  store.refused = "live-store is starting";
  await assert.rejects(owner.query(request, [3], signal), refused(/live-store is starting/));
  await assert.rejects(owner.findTrace("t", new Uint8Array(16), [3], signal), UnavailableError);
  assert.equal((await owner.status(signal)).refusal, "live-store is starting");
  store.refused = undefined;
  store.error = new InputError("unprocessable", "too much");
  await assert.rejects(owner.query(request, [3], signal), { name: "InputError" });
  assert.equal(store.asked.length, 1);
});

Deno.test("an answer that ends before its last piece is no answer", async () => {
  const pieces = [...piecesOf({ found: Array.from({ length: 99 }, (_, i) => i), watermarks: [] })];
  for (const count of [0, 1]) {
    const methods: GrpcMethods = {
      [LIVE_QUERY]: {
        kind: "server_stream",
        handle: async function* () {
          for (const piece of pieces.slice(0, count)) yield await Promise.resolve(piece);
        },
      },
    };
    const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 20 };
    await using server = new GrpcServer(createRuntime(), methods, options);
    const address = `127.0.0.1:${server.listen("127.0.0.1", 0)}`;
    using owner = new GrpcLiveOwner(systemClock, address, clientOptions);
    await assert.rejects(owner.query(request, [0], signal), {
      name: "UnavailableError",
      message: /broke off/,
    });
  }
});

Deno.test("zone A dies in the middle of questions: all are answered by zone B", async () => {
  const zones = ["a", "b"].map((zone) =>
    [0, 1, 2].map((partition) => {
      const store = new FakeStore(`${zone}${partition}`, [partition]);
      store.series = 50;
      return { zone, partition, store, ...serve(store) };
    })
  );
  const owners = [0, 1, 2].map((partition) => ({
    partition,
    owners: zones.map((zone) => zone[partition]!)
      .map(({ zone, address, store }) => ({ id: store.name, address, zone })),
  }));
  const connect = (address: string) => new GrpcLiveOwner(systemClock, address, clientOptions);
  const options = { hedgingDelayMs: 3_000, minimizeRequests: true, checkIntervalMs: 0 };
  const live = new RemoteLive(createRuntime(), () => owners, connect, options);
  const answered: string[] = [];
  const ask = async () => {
    const answers = await live.query(request, signal);
    assert.equal(answers.length, 3);
    assert.deepEqual(answers[0]!.leaves[0]!.series.length, 50);
    const names = answers.flatMap(({ coveredBlocks }) => coveredBlocks);
    assert.deepEqual(names.map((name) => name[1]).sort(), ["0", "1", "2"]);
    answered.push(...names);
  };
  const asking = async () => {
    for (let i = 0; i < 20; i++) await ask();
  };
  const all = Promise.all([asking(), asking(), asking()]);
  while (answered.length < 20) await sleep(systemClock, 1, signal);
  for (const { server } of zones[0]!) await server[Symbol.asyncDispose]();
  await all;
  assert.equal(answered.length, 180);
  assert.ok(answered.slice(0, 12).every((name) => name[0] === "a"));
  assert.ok(answered.slice(-12).every((name) => name[0] === "b"));
  await live[Symbol.asyncDispose]();
  for (const { server } of zones[1]!) await server[Symbol.asyncDispose]();
});

Deno.test("a slow owner is hedged, and stopped when the other has answered", async () => {
  const [slow, quick] = ["a0", "b0"].map((name) => {
    const store = new FakeStore(name, [0]);
    return { id: name, zone: name[0]!, store, ...serve(store) };
  });
  slow!.store.hangs = true;
  const owners = [{ partition: 0, owners: [slow!, quick!] }];
  const connect = (address: string) => new GrpcLiveOwner(systemClock, address, clientOptions);
  const options = { hedgingDelayMs: 20, minimizeRequests: true, checkIntervalMs: 0 };
  const live = new RemoteLive(createRuntime(), () => owners, connect, options);
  const answers = await live.query(request, signal);
  assert.deepEqual(answers.flatMap(({ coveredBlocks }) => coveredBlocks), ["b0"]);
  await slow!.store.hasStopped.promise;
  await live[Symbol.asyncDispose]();
  for (const { server } of [slow!, quick!]) await server[Symbol.asyncDispose]();
});

Deno.test("an owner that hangs has not answered when its time is over", async () => {
  const store = new FakeStore("a0", [0]);
  store.hangs = true;
  const { server, address } = serve(store);
  await using _ = server;
  const owners = [{ partition: 0, owners: [{ id: "a0", zone: "a", address }] }];
  const connect = (to: string) =>
    new GrpcLiveOwner(systemClock, to, { ...clientOptions, timeoutMs: 50 });
  const options = { hedgingDelayMs: 20, minimizeRequests: true, checkIntervalMs: 0 };
  await using live = new RemoteLive(createRuntime(), () => owners, connect, options);
  await assert.rejects(live.query(request, signal), {
    name: "UnavailableError",
    message: /nobody answers for partition 0/,
  });
});
