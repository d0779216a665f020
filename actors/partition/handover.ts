// Where the live-store of a partition puts a sealed section and the block-builder takes it.
// Rule: room for one. A live-store that is ahead waits here, so that memory is bounded by two
// sections whatever the store does, and the log holds the rest.
import { unlessAborted } from "../../lib/waiting.ts";
import type { Section } from "../live_store/section.ts";

export class Handover {
  #section: Section | undefined;
  #isFree = true;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  /** Resolves when the section before has been released. */
  async waitUntilFree(signal: AbortSignal): Promise<void> {
    while (!this.#isFree) await unlessAborted(this.#changed.promise, signal);
  }

  put(section: Section): void {
    this.#section = section;
    this.#isFree = false;
    this.#notify();
  }

  /** The next section, or undefined once closed and empty. It stays taken until `release`. */
  async take(signal: AbortSignal): Promise<Section | undefined> {
    while (this.#section === undefined) {
      if (this.#isClosed) return undefined;
      await unlessAborted(this.#changed.promise, signal);
    }
    const section = this.#section;
    this.#section = undefined;
    return section;
  }

  release(): void {
    this.#isFree = true;
    this.#notify();
  }

  /** No more sections will come. */
  close(): void {
    this.#isClosed = true;
    this.#notify();
  }

  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}
