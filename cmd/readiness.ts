// Whether the process may be sent traffic, and why not; the first reason is told. What takes time to find out is
// kept up to date in the background, because the answer must come at once. Spec: API §2, `/ready`.
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import { ownedLoop } from "./owned_loop.ts";

const CHECK_MS = 100;
const READY_CHECK_MS = 1_000;
const STARTING = "LiveStore not ready: live-store is starting";

export class Readiness {
  #isStopping = false;
  #isFolded = true;
  readonly #others: (() => string | undefined)[] = [];

  get reasons(): readonly string[] {
    if (this.#isStopping) return ["Application is stopping"];
    const folds = this.#isFolded ? [] : [STARTING];
    return [...folds, ...this.#others.flatMap((reason) => reason() ?? [])];
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  stopping(): void {
    this.#isStopping = true;
  }

  /** `reason` is asked each time. */
  also(reason: () => string | undefined): void {
    this.#others.push(reason);
  }

  /** Not ready until the partitions have caught up; they are looked at until it is disposed of. */
  watch(runtime: Runtime, isCaughtUp: () => Promise<boolean>): AsyncDisposable {
    this.#isFolded = false;
    return ownedLoop(async (signal) => {
      while (!signal.aborted) {
        this.#isFolded = await isCaughtUp().catch(() => false);
        await sleep(runtime.clock, this.#isFolded ? READY_CHECK_MS : CHECK_MS, signal);
      }
    });
  }
}
