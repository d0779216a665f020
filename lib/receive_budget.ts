// Memory for bodies that are still arriving, shared by all connections of a receiver.
// Rule: slow clients can hold this much and no more; beyond it requests are told to come again.
import { UnavailableError } from "./errors.ts";

export const RECEIVING_BYTES_MAX = 256 << 20;

export class ReceiveBudget {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax = RECEIVING_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#held;
  }

  take(bytes: number): void {
    if (this.#held + bytes > this.#bytesMax) {
      throw new UnavailableError(
        `${this.#held} bytes of requests are arriving, the limit is ${this.#bytesMax}`,
      );
    }
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}
