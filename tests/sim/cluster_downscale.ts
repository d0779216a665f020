// An operator who takes a partition away while spans come in: drain it, wait until the bucket has what it held,
// prepare its live-stores one by one, stop them for good. The ring removes the partition after a while.
import type { Clock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import { sleep } from "../../lib/waiting.ts";
import type { Process } from "./cluster_process.ts";
import { TIMES } from "./cluster_times.ts";

const NEVER = new AbortController().signal;
const PAUSE_MS = 5_000;

export class Operator {
  /** When the last live-store of the partition was stopped. */
  stoppedAtMs: number | undefined;

  constructor(
    readonly clock: Clock,
    readonly partition: number,
    readonly stores: readonly Process[],
    /** Whoever stops a process does so in good weather. */
    readonly heal: () => void,
    readonly tell: (event: string) => void,
  ) {}

  async run(): Promise<void> {
    await this.#until(() => {
      const downscale = this.stores.find(({ isUp }) => isUp)?.rings?.downscale;
      if (downscale === undefined) return Promise.resolve(false);
      downscale.drain();
      return Promise.resolve(true);
    });
    this.tell(`partition ${this.partition} is drained`);
    await sleep(this.clock, TIMES.downscaleMs, NEVER);
    for (const store of this.stores) {
      await this.#until(() => this.#isPrepared(store));
      this.heal();
      await store.restart(false);
      this.tell(`${store.name} is taken away`);
    }
    this.stoppedAtMs = this.clock.now();
  }

  async #isPrepared({ isUp, rings }: Process): Promise<boolean> {
    if (!isUp || rings?.downscale === undefined) return false;
    const prepared = rings.downscale.prepare().then(() => true);
    // A life that ends meanwhile never answers.
    return await Promise.race([prepared, sleep(this.clock, PAUSE_MS, NEVER).then(() => false)]);
  }

  async #until(isDone: () => Promise<boolean>): Promise<void> {
    for (;;) {
      try {
        if (await isDone()) return;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.tell(`not yet: ${error.message}`);
      }
      await sleep(this.clock, PAUSE_MS, NEVER);
    }
  }
}
