// How many series a tenant would have without limits: what a processor wants, whether it gets it or not.

import type { Label } from "./series.ts";
import { keyOf } from "./label_sets.ts";
import type { Registry } from "./registry.ts";
import { DEMAND_WINDOWS, hashText, Sketch } from "./sketch.ts";

export class Demand {
  readonly #wanted = new Sketch(DEMAND_WINDOWS);
  /** Where names are sanitized, or might be. */
  readonly #asNamed: Sketch | undefined;

  constructor(readonly registry: Registry, readonly seriesOfEntity: number, hasNames = false) {
    this.#asNamed = hasNames ? new Sketch(DEMAND_WINDOWS) : undefined;
    registry.onTurn.add(this.#turn);
  }

  readonly #turn = () => {
    this.#wanted.turn();
    this.#asNamed?.turn();
  };

  [Symbol.dispose](): void {
    this.registry.onTurn.delete(this.#turn);
  }

  /** `sanitized`: the labels with names as they would be without ids, where that is known. */
  want(labels: readonly Label[], sanitized: readonly Label[] = labels): void {
    const hash = hashText(keyOf(labels));
    this.#wanted.add(hash);
    this.#asNamed?.add(sanitized === labels ? hash : hashText(keyOf(sanitized)));
  }

  entities(): number {
    return this.#wanted.estimate();
  }

  sanitizedEntities(): number {
    return this.#asNamed?.estimate() ?? this.entities();
  }
}
