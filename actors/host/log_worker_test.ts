import assert from "node:assert/strict";

import { systemClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { type LogWorker, runLogWorker } from "./log_worker.ts";

const NEVER = new AbortController().signal;

/** Says what it hears, and ends when it runs and limits are 2. */
const ECHO = `
  let run, limits;
  onmessage = ({ data }) => {
    if (data.method === "run") run = data.call;
    else if (data.call) postMessage({ done: data.call });
    limits = data.limits ?? limits;
    postMessage({ heard: data.payload ?? data.limits });
    if (run && limits === 2) postMessage({ done: run });
  };`;

class World {
  limits = 1;
  readonly heard: unknown[] = [];
  readonly isRunning: boolean[] = [];
  readonly listeners = new Set<() => void>();

  run(program: string): Promise<void> {
    const worker: LogWorker = {
      name: "echo",
      create: () =>
        new Worker(`data:text/javascript,${encodeURIComponent(program)}`, { type: "module" }),
      log: undefined,
      limits: {
        current: () => this.limits,
        onChange: (listener) => {
          this.listeners.add(listener);
          return () => this.listeners.delete(listener);
        },
      },
      start: () => "begin",
      handlers: {},
      heard: (message) => {
        if ("heard" in (message as object)) this.heard.push((message as { heard: unknown }).heard);
      },
      running: (peer) => {
        this.isRunning.push(peer !== undefined);
        if (peer === undefined) return;
        this.limits = 2;
        this.listeners.forEach((listener) => listener());
      },
    };
    return runLogWorker(systemClock, worker, NEVER);
  }
}

Deno.test("a worker is told what it begins with and what limits are, until it ends", async () => {
  const world = new World();
  await world.run(ECHO);
  assert.deepEqual(world.heard.slice(0, 3), ["begin", 1, 2]);
  assert.deepEqual(world.isRunning, [true, false]);
  assert.equal(world.listeners.size, 0);
});

Deno.test("one that dies rejects as what is away, with what it died of", async () => {
  const world = new World();
  await assert.rejects(world.run(`throw new Error("struck");`), (error: Error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /^echo worker failed: .*struck/);
    return true;
  });
  assert.deepEqual(world.isRunning, [false]);
  assert.equal(world.listeners.size, 0);
});
