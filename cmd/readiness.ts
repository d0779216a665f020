// Whether the process may be sent traffic, and why not: kept up to date in the background, because
// the answer must come at once.
import type { LivePartitions } from "../actors/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";

const CHECK_MS = 100;
const READY_CHECK_MS = 1_000;

export class Readiness {
  #notReady: readonly string[] = ["LiveStore not ready: live-store is starting"];
  #isStopping = false;

  get reasons(): readonly string[] {
    return this.#isStopping ? ["Application is stopping"] : this.#notReady;
  }

  stopping(): void {
    this.#isStopping = true;
  }

  /** Looks at the partitions until the signal aborts. */
  async watch(runtime: Runtime, live: LivePartitions, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const statuses = await live.status().catch(() => []);
      const isReady = statuses.length > 0 && statuses.every((status) => status.isReady);
      this.#notReady = isReady ? [] : ["LiveStore not ready: live-store is starting"];
      await sleep(runtime.clock, isReady ? READY_CHECK_MS : CHECK_MS, signal);
    }
  }
}
