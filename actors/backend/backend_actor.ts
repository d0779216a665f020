// Looks after the blocks of a store for as long as it runs: merges them, and deletes what has had its
// time. Exactly one of these per bucket is enough; two do no harm, only work twice.
import { fromPromise } from "xstate";
import type { Runtime } from "../../lib/runtime.ts";
import { runMachine } from "../run_machine.ts";
import { supervise } from "../supervisor.ts";
import { backendMetrics } from "./backend_metrics.ts";
import { type BackendDependencies, BackendEffects, type BackendOptions } from "./effects.ts";
import { backendMachine } from "./machine.ts";

/** Without it blocks are merely not merged: it never gives up, and ends nothing else. */
const RESTARTS = {
  restartsMax: Infinity,
  windowMs: 3_600_000,
  backoffMinMs: 1_000,
  backoffMaxMs: 600_000,
};

export interface BackendRunOptions extends BackendOptions {
  /** Between two looks at the block list, when there was nothing to do. */
  readonly restMs: number;
}

export async function runBackend(
  runtime: Runtime,
  dependencies: BackendDependencies,
  options: BackendRunOptions,
  signal: AbortSignal,
): Promise<void> {
  const metrics = backendMetrics(runtime.metrics);
  await supervise(
    runtime.clock,
    {
      id: "backend",
      run: async (signal) => {
        const effects = new BackendEffects(runtime, dependencies, options, metrics);
        let running: Promise<unknown> = Promise.resolve();
        const tracked = <T>(work: (signal: AbortSignal) => Promise<T>) =>
          fromPromise<T>(() => {
            const begun = work(signal);
            running = begun.catch(() => {});
            return begun;
          });
        const machine = backendMachine.provide({
          actors: {
            plan: tracked((signal) => effects.plan(signal)),
            retain: tracked((signal) => effects.retain(signal)),
            compact: tracked((signal) => effects.compact(signal)),
          },
        });
        const { restMs } = options;
        try {
          await runMachine(machine, { input: { restMs }, clock: runtime.clock, signal });
        } finally {
          await running; // nothing is touched after this has ended
        }
      },
    },
    RESTARTS,
    signal,
    {
      restarting: (id, error, delayMs) =>
        runtime.log.error("restarting", { actor: id, error: String(error), delayMs }),
    },
  );
}
