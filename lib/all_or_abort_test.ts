import assert from "node:assert/strict";
import { allOrAbort } from "./all_or_abort.ts";
import { nextTurn } from "./waiting.ts";

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

Deno.test("all are waited for, and the first failure ends the others and is thrown", async () => {
  const { signal } = new AbortController();
  await allOrAbort(signal, [() => Promise.resolve(), () => nextTurn()]);

  let isOtherDone = false;
  const first = new Error("the first");
  const failing = allOrAbort(signal, [
    async (inner) => {
      await untilAborted(inner);
      await nextTurn();
      isOtherDone = true;
      throw new Error("the second");
    },
    async () => {
      await nextTurn();
      throw first;
    },
  ]);
  await assert.rejects(failing, first);
  assert.ok(isOtherDone, "it was waited for");
});

Deno.test("a signal from outside ends them all", async () => {
  const stop = new AbortController();
  const running = allOrAbort(stop.signal, [untilAborted, untilAborted]);
  stop.abort();
  await running;
});
