import assert from "node:assert/strict";
import { GrpcClient } from "../tests/support/grpc_client.ts";
import { GrpcHealth, HEALTH_CHECK, HEALTH_WATCH, ServingStatus } from "./grpc_health.ts";
import { GrpcServer } from "./grpc_server.ts";
import { createRuntime } from "./runtime.ts";

const named = (service: string) =>
  new Uint8Array([0x0a, service.length, ...new TextEncoder().encode(service)]);
const NOBODY = new Uint8Array(0);

function serving() {
  const health = new GrpcHealth();
  const server = new GrpcServer(createRuntime(), health.methods());
  const client = new GrpcClient(server.listen("127.0.0.1", 0));
  return {
    health,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("the process and its services are asked for their health", async () => {
  await using served = serving();
  const { health, client } = served;
  assert.deepEqual(await client.unary(HEALTH_CHECK, NOBODY), Uint8Array.of(8, 1));
  const error = await client.refusal(HEALTH_CHECK, named("x.Y"));
  assert.equal(error.code, 5);
  health.set("x.Y", ServingStatus.NotServing);
  assert.deepEqual(await client.unary(HEALTH_CHECK, named("x.Y")), Uint8Array.of(8, 2));
  health.stopping();
  assert.deepEqual(await client.unary(HEALTH_CHECK, NOBODY), Uint8Array.of(8, 2));
});

Deno.test("a watcher hears each change, of a service that is not there yet too", async () => {
  await using served = serving();
  const { health, client } = served;
  const stream = client.stream(HEALTH_WATCH, named("x.Y"));
  const heard: number[] = [];
  let wake = () => {};
  stream.on("data", (message: Uint8Array) => {
    heard.push(message[1]!);
    wake();
  });
  const hears = async (count: number) => {
    while (heard.length < count) await new Promise<void>((resolve) => wake = resolve);
  };
  await hears(1);
  health.set("x.Y", ServingStatus.Serving);
  await hears(2);
  health.set("x.Y", ServingStatus.Serving); // nothing new
  health.set("other", ServingStatus.NotServing);
  const ended = new Promise<number>((resolve) => stream.on("status", ({ code }) => resolve(code)));
  health.stopping();
  await hears(3);
  assert.deepEqual(heard, [3, 1, 2]);
  assert.equal(await ended, 0);
});
