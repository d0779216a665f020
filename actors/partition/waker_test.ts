import assert from "node:assert/strict";
import { Waker, WOKEN } from "./waker.ts";

Deno.test("waking aborts the waits of now and not those that come later", () => {
  const waker = new Waker(new AbortController().signal);
  const before = waker.signal;
  waker.wake();
  assert.equal(before.reason, WOKEN);
  assert.equal(waker.signal.aborted, false);
});

Deno.test("the end of the life aborts every wait, with its reason", () => {
  const life = new AbortController();
  const waker = new Waker(life.signal);
  waker.wake();
  const { signal } = waker;
  life.abort("over");
  assert.equal(signal.reason, "over");
  waker.wake();
  assert.equal(waker.signal.reason, "over");
  assert.equal(new Waker(life.signal).signal.reason, "over");
});
