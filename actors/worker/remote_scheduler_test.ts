// A worker and a scheduler that speak gRPC over loopback, with the real clock.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { GrpcClient } from "../../lib/grpc_client.ts";
import { defaultGrpcServerOptions, GrpcServer } from "../../lib/grpc_server.ts";
import { GrpcCode, GrpcError } from "../../lib/grpc_status.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { sleep } from "../../lib/waiting.ts";
import { BlockList } from "../../storage/mod.ts";
import { traceIdOf } from "../../tests/support/records.ts";
import {
  newWorld,
  putFour,
  rules,
  schedulerOptions,
  type World,
} from "../../tests/support/upkeep_world.ts";
import { schedulerMethods, SERVICE } from "../scheduler/scheduler_service.ts";
import { SchedulerActor } from "../scheduler/scheduler_actor.ts";
import * as wire from "../scheduler/wire.ts";
import { ThreadCompactor } from "./compactor.ts";
import { RemoteScheduler } from "./remote_scheduler.ts";
import { runWorker } from "./worker_actor.ts";

const NEVER = new AbortController().signal;
/** The blocks are of another year. */
const rulesOf = () => ({ ...rules, retention: { ...rules.retention, liveMs: 0 } });

/** A scheduler in a process of its own, as far as its worker can tell. */
async function serve(world: World, disk: SimulatedDisk, port = 0) {
  const runtime = createRuntime();
  const list = new BlockList(runtime, world.store, { readsMax: 4 });
  await list.poll();
  const stop = new AbortController();
  const actor = new SchedulerActor(
    runtime,
    () => Promise.resolve(disk.mount()),
    { store: world.store, list, rulesOf },
    { ...schedulerOptions, jobTimeoutMs: 100, cycleMinMs: 10, maintainEveryMs: 50 },
  );
  const done = actor.run(stop.signal);
  const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 100 };
  const methods = schedulerMethods(actor, (metadata) => metadata.get("x-scope-orgid") ?? "");
  const server = new GrpcServer(runtime, methods, options);
  const listening = server.listen("127.0.0.1", port);
  return {
    actor,
    list,
    port: listening,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
      await server[Symbol.asyncDispose]();
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isSo(); i++) await sleep(systemClock, 10, NEVER);
  assert.ok(isSo());
}

Deno.test("a worker of another process merges and redacts, also when the scheduler starts again", async () => {
  const world = newWorld();
  const disk = new SimulatedDisk();
  await putFour(world, "acme", 1);
  let scheduler = await serve(world, disk);
  const { port } = scheduler;
  const runtime = createRuntime();
  using remote = new RemoteScheduler(systemClock, `127.0.0.1:${port}`, {
    receivedBytesMax: 1 << 20,
  });
  const stop = new AbortController();
  const working = runWorker(
    runtime,
    {
      store: world.store,
      scheduler: remote,
      compactor: new ThreadCompactor(runtime, world.store, () => Promise.resolve()),
      rulesOf,
    },
    {
      id: "w",
      codec: "none",
      spansPerRowGroup: 100,
      retentionsMax: 1,
      leaseMs: 1000,
      backoffMinMs: 5,
      backoffMaxMs: 20,
      finishMs: 1000,
    },
    stop.signal,
    NEVER,
  );
  await until(() => scheduler.list.blocks("acme").length === 1);
  await scheduler[Symbol.asyncDispose]();
  await sleep(systemClock, 30, NEVER);
  scheduler = await serve(world, disk, port);
  await until(() => scheduler.actor.scheduler !== undefined);

  using client = new GrpcClient(systemClock, {
    address: `127.0.0.1:${port}`,
    timeoutMs: 5_000,
    receivedBytesMax: 1 << 20,
  });
  const wish = {
    traceIds: [traceIdOf(9).toHex()],
    query: "",
    mode: "apply",
    startSeconds: 0,
    endSeconds: 0,
    requestedBy: "",
  } as const;
  const submit = (changes = {}, tenant = "acme") =>
    client.call(
      `${SERVICE}/SubmitRedaction`,
      wire.encodeWish({ ...wish, ...changes }),
      { "x-scope-orgid": tenant },
      NEVER,
    );
  const { batchId, jobs } = wire.decodeSubmitted(await submit());
  assert.equal(jobs, 1);
  const refused = (code: GrpcCode) => (error: unknown) =>
    error instanceof GrpcError && error.code === code;
  await assert.rejects(submit(), refused(GrpcCode.AlreadyExists));
  await assert.rejects(submit({}, "nobody"), refused(GrpcCode.NotFound));
  await assert.rejects(submit({ query: "{ span.a = 1 }" }), refused(GrpcCode.InvalidArgument));
  await assert.rejects(submit({ traceIds: [] }), refused(GrpcCode.InvalidArgument));
  await until(() => scheduler.actor.scheduler!.book.state.batches.get(batchId)!.traces === 1);
  await assert.rejects(
    client.call(`${SERVICE}/UpdateJob`, new Uint8Array([0xff]), {}, NEVER),
    refused(GrpcCode.InvalidArgument),
  );
  assert.equal(
    await remote.update({ jobId: "none", worker: "w", status: "running" }, NEVER),
    false,
  );
  stop.abort();
  await working;
  await scheduler[Symbol.asyncDispose]();
  await assert.rejects(remote.next({ worker: "w", leaseMs: 0 }, NEVER), UnavailableError);
});

Deno.test("a scheduler without jobs says so after a while", async () => {
  await using scheduler = await serve(newWorld(), new SimulatedDisk());
  await until(() => scheduler.actor.scheduler !== undefined);
  using remote = new RemoteScheduler(systemClock, `127.0.0.1:${scheduler.port}`, {
    receivedBytesMax: 1 << 20,
  });
  assert.equal(await remote.next({ worker: "w", leaseMs: 0 }, NEVER), undefined);
});
