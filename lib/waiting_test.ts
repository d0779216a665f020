import assert from "node:assert/strict";

import { unlessAborted } from "./waiting.ts";

Deno.test("a promise is waited for until the signal aborts, and the signal is left alone after it", async () => {
  const stop = new AbortController();
  const { signal } = stop;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...all: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, all);
  };
  signal.removeEventListener = (...all: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, all);
  };
  assert.equal(await unlessAborted(Promise.resolve(7), signal), 7);
  await assert.rejects(unlessAborted(Promise.reject(new Error("its own")), signal), /its own/);
  assert.equal(listeners, 0);
  const waiting = unlessAborted(new Promise(() => {}), signal);
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  assert.equal(listeners, 0);
  await assert.rejects(unlessAborted(Promise.resolve(7), signal), /enough/);
});
