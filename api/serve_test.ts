import assert from "node:assert/strict";
import { SimulatedClock, systemClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { createApi, serveApi } from "./mod.ts";
import { RawHttp2 } from "../tests/support/raw_http2.ts";
import { testDeps } from "../tests/support/test_api.ts";
import { defaultApiOptions } from "./options.ts";

const runtime = createRuntime();

Deno.test("a listener answers on a free port, with compressed bodies too", async () => {
  const api = createApi(runtime, testDeps(), defaultApiOptions);
  await using listener = await serveApi(runtime, api, { hostname: "127.0.0.1", port: 0 });
  const base = `http://127.0.0.1:${listener.port}`;
  assert.equal(await (await fetch(`${base}/ready`)).text(), "ready\n");
  assert.match(await (await fetch(`${base}/status`)).text(), /GET \/status\/endpoints/);
  const search = await fetch(`${base}/api/search?q=%7B%7D`);
  assert.deepEqual((await search.json()).traces, []);
});

Deno.test("closing waits for running requests and frees the port", async () => {
  let answer = () => {};
  const waiting = new Promise<void>((resolve) => answer = resolve);
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => asked = resolve);
  const api = {
    async fetch() {
      asked();
      await waiting;
      return new Response("late");
    },
  };
  const listener = await serveApi(runtime, api, { hostname: "127.0.0.1", port: 0 });
  const response = fetch(`http://127.0.0.1:${listener.port}/`);
  await isAsked;
  const closed = listener[Symbol.asyncDispose]();
  answer();
  assert.equal(await (await response).text(), "late");
  await closed;
  await assert.rejects(fetch(`http://127.0.0.1:${listener.port}/`));
});

Deno.test("a client that goes away aborts its request", async () => {
  const gone = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const api = {
    async fetch(request: Request) {
      request.signal.addEventListener("abort", () => gone.resolve());
      asked.resolve();
      await gone.promise;
      return new Response(null, { status: 499 });
    },
  };
  await using listener = await serveApi(runtime, api, { hostname: "127.0.0.1", port: 0 });
  const client = new AbortController();
  const response = fetch(`http://127.0.0.1:${listener.port}/`, { signal: client.signal });
  await asked.promise;
  client.abort();
  await assert.rejects(response);
  await gone.promise;
});

Deno.test("a client that holds on to its connection is not waited for", async () => {
  const clock = new SimulatedClock();
  const api = createApi(runtime, testDeps(), defaultApiOptions);
  const simulated = createRuntime({ clock });
  const listener = await serveApi(simulated, api, { hostname: "127.0.0.1", port: 0 });
  const client = await RawHttp2.connect(listener.port);
  await client.request(1, {
    ":method": "GET",
    ":scheme": "http",
    ":path": "/ready",
    ":authority": "segno",
  });
  assert.equal((await client.answer()).text, "ready\n");
  let isClosed = false;
  const closing = listener[Symbol.asyncDispose]().then(() => isClosed = true);
  await clock.advance(4_999);
  assert.equal(isClosed, false);
  await clock.advance(1);
  await closing;
  client[Symbol.dispose]();
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 50)); // it is let go of now
});
