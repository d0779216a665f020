// One after the other: what is asked of an actor while it is at work waits for its turn.

export class Turns {
  #latest: Promise<unknown> = Promise.resolve();

  /** Begins when all before have ended, however they ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#latest.then(work, work);
    this.#latest = turn.catch(() => {});
    return turn;
  }
}
