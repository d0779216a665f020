// Lets somebody interrupt a wait without ending what waits: a read of the log is to return at once
// when a flush or a drain is asked for. One signal serves many waits, for making one costs more than
// reading a few records does.

/** What an interrupted wait rejects with. */
export const WOKEN = new DOMException("woken", "AbortError");

export class Waker {
  #controller = new AbortController();

  constructor(readonly life: AbortSignal) {
    life.addEventListener("abort", () => this.#controller.abort(life.reason), { once: true });
    if (life.aborted) this.#controller.abort(life.reason);
  }

  /** Aborts with `WOKEN`, or with the reason of the life that ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  wake(): void {
    if (this.life.aborted) return;
    const woken = this.#controller;
    this.#controller = new AbortController();
    woken.abort(WOKEN);
  }
}
