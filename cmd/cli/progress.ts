// A bar on standard error while long work is done, where that is a terminal; elsewhere nothing, for
// lines that overwrite each other are noise in a log. Forty lines of our own: what libraries add to
// them (several bars, formats, colours) is not needed here.

import type { Clock } from "../../lib/clock.ts";

const EVERY_MS = 100;
const BAR = 30;

export interface ProgressScreen {
  readonly isTerminal: boolean;
  write(text: string): void;
}

export class Progress {
  #shownMs = -Infinity;
  #isShown = false;
  readonly #startedMs: number;

  constructor(
    readonly label: string,
    readonly screen: ProgressScreen,
    readonly clock: Clock,
  ) {
    this.#startedMs = clock.monotonic();
  }

  update(done: number, all: number): void {
    const nowMs = this.clock.monotonic();
    if (!this.screen.isTerminal || nowMs - this.#shownMs < EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#isShown = true;
    const share = all === 0 ? 1 : Math.min(1, done / all);
    const filled = Math.round(share * BAR);
    const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
    const leftMs = share === 0 ? NaN : (nowMs - this.#startedMs) * (1 / share - 1);
    const left = Number.isNaN(leftMs) ? "" : ` ${Math.ceil(leftMs / 1000)}s left`;
    this.screen.write(`\r\x1b[2K${this.label} ${bar} ${Math.floor(share * 100)}%${left}`);
  }

  /** Leaves the line as it was. */
  end(): void {
    if (this.#isShown) this.screen.write("\r\x1b[2K");
    this.#isShown = false;
  }
}
