// What a program needs of the world, as one value: the first parameter of whatever lives long.
import { type Clock, systemClock } from "./clock.ts";
import { type Logger, rootLogger } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { type Random, systemRandom } from "./random.ts";

export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The real one, or one with some of its parts replaced, as tests want it. */
export function createRuntime(parts: Partial<Runtime> = {}): Runtime {
  return {
    clock: systemClock,
    random: systemRandom,
    log: rootLogger(),
    metrics: new Metrics(),
    ...parts,
  };
}
