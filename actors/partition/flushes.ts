// Those who wait until what was in the log when they asked is in blocks.
export class Flushes {
  /** What is being waited for lies before it. */
  #offset = 0;
  readonly #waiters: { readonly offset: number; resolve(): void }[] = [];

  get offset(): number {
    return this.#offset;
  }

  until(offset: number): Promise<void> {
    this.#offset = Math.max(this.#offset, offset);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ offset, resolve });
    return promise;
  }

  committed(committedOffset: number): void {
    for (let i = this.#waiters.length - 1; i >= 0; i--) {
      if (this.#waiters[i]!.offset > committedOffset) continue;
      this.#waiters[i]!.resolve();
      this.#waiters.splice(i, 1);
    }
  }
}
