// Whether a process of a fleet may be sent traffic, and why not; the first reason is told.
// Spec: API §2, `/ready`.
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { Folds } from "./folds.ts";

const CHECK_MS = 100;
const READY_CHECK_MS = 1_000;
const STARTING = "LiveStore not ready: live-store is starting";

export class FleetReadiness {
  isStopping = false;
  #isFolded = true;
  readonly #others: (() => string | undefined)[] = [];

  get reasons(): readonly string[] {
    if (this.isStopping) return ["Application is stopping"];
    const folds = this.#isFolded ? [] : [STARTING];
    return [...folds, ...this.#others.flatMap((reason) => reason() ?? [])];
  }

  stopping(): void {
    this.isStopping = true;
  }

  /** `reason` is asked each time. */
  also(reason: () => string | undefined): void {
    this.#others.push(reason);
  }

  /** Not ready until the live-store has caught up; looked at until the stack is disposed of. */
  watch(
    runtime: Runtime,
    folds: Pick<Folds, "isCaughtUp">,
    stack: AsyncDisposableStack,
  ): void {
    const stop = new AbortController();
    this.#isFolded = false;
    const watching = (async () => {
      while (!stop.signal.aborted) {
        this.#isFolded = await folds.isCaughtUp().catch(() => false);
        const waitMs = this.#isFolded ? READY_CHECK_MS : CHECK_MS;
        await sleep(runtime.clock, waitMs, stop.signal);
      }
    })();
    stack.defer(async () => {
      stop.abort();
      await watching;
    });
  }
}
