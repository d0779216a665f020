import assert from "node:assert/strict";
import { InputError, UnavailableError } from "./errors.ts";
import { type Handler, RpcPeer, Transferred } from "./port_rpc.ts";

function pair(handlers: Record<string, Handler>) {
  const { port1, port2 } = new MessageChannel();
  const caller = new RpcPeer(port1, {});
  const callee = new RpcPeer(port2, handlers);
  port1.start();
  port2.start();
  return { caller, callee, [Symbol.dispose]: () => [port1, port2].forEach((port) => port.close()) };
}

Deno.test("a call is answered, and calls do not wait for each other", async () => {
  const gate = Promise.withResolvers<void>();
  using peers = pair({
    slow: async (n: number) => {
      await gate.promise;
      return n;
    },
    double: (n: number) => n * 2,
  });
  const slow = peers.caller.call("slow", 1);
  assert.equal(await peers.caller.call("double", 21), 42);
  gate.resolve();
  assert.equal(await slow, 1);
});

Deno.test("an error keeps its kind, code and message", async () => {
  using peers = pair({
    refuse: () => {
      throw new InputError("resource_exhausted", "too fast", { retryAfterMs: 5000 });
    },
  });
  await assert.rejects(peers.caller.call("refuse", null), (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "resource_exhausted");
    assert.equal(error.message, "too fast");
    assert.equal(error.retryAfterMs, 5000);
    return true;
  });
});

Deno.test("aborting a call aborts its handler and rejects with the reason", async () => {
  const seen = Promise.withResolvers<void>();
  using peers = pair({
    wait: (_: null, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          seen.resolve();
          resolve();
        });
      }),
  });
  const controller = new AbortController();
  const call = peers.caller.call("wait", null, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  await seen.promise;
});

Deno.test("closing rejects open calls and later ones", async () => {
  using peers = pair({ never: () => new Promise(() => {}) });
  const call = peers.caller.call("never", null);
  peers.caller.close(new UnavailableError("worker ended"));
  await assert.rejects(call, /worker ended/);
  await assert.rejects(peers.caller.call("never", null), UnavailableError);
});

Deno.test("buffers of a Transferred result move", async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  using peers = pair({ take: () => new Transferred(bytes, [bytes.buffer]) });
  assert.deepEqual(await peers.caller.call("take", null), new Uint8Array([1, 2, 3]));
  assert.equal(bytes.length, 0);
});
