// Who of a ring is alive, judged by this process's own clock alone: an instance is healthy while its
// heartbeat keeps growing, whatever its clock says.
// Rules: what was just heard of for the first time counts as alive; an instance that has been silent for
// long is removed from the ring by whoever notices, and owns no partition any more; a member that hears
// nothing new from most of the others is itself cut off, and judges nobody.
import type { Clock } from "../lib/clock.ts";
import type { ReplicatedMap } from "./gossip/replicated_map.ts";
import { type Instance, instanceId, instancesOf, removeInstance } from "./ring_entries.ts";

export interface HealthOptions {
  readonly ring: string;
  readonly timeoutMs: number;
  /** 0: nobody is ever removed. */
  readonly forgetMs: number;
}

interface Seen {
  beat: number;
  /** When it last grew. */
  sinceMs: number;
}

export interface JudgedInstance extends Instance {
  readonly isHealthy: boolean;
  readonly silentMs: number;
  /** The newest heartbeat, Unix seconds of its own clock. */
  readonly heartbeatSeconds: number;
}

export class RingHealth {
  readonly #seen = new Map<string, Seen>();

  constructor(
    readonly clock: Clock,
    readonly map: ReplicatedMap,
    readonly options: HealthOptions,
  ) {}

  /** Looks at all instances; is to be called more often than the timeout. */
  judge(): JudgedInstance[] {
    const nowMs = this.clock.monotonic();
    const { ring, timeoutMs } = this.options;
    const judged = instancesOf(this.map, ring).map((instance) => {
      const silentMs = nowMs - this.#lastHeardMs(instance.id, nowMs);
      const heartbeatSeconds = this.map.beat(instanceId(ring, instance.id));
      return { ...instance, silentMs, heartbeatSeconds, isHealthy: silentMs < timeoutMs };
    });
    const known = new Set(judged.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!known.has(id)) this.#seen.delete(id);
    return judged;
  }

  /** Removes who has been silent for long, unless it is oneself who is cut off; says whom. */
  forgetDead(isAlone = isCutOff(this.judge())): string[] {
    const { ring, forgetMs } = this.options;
    if (forgetMs === 0 || isAlone) return [];
    const dead = this.judge().filter(({ silentMs }) => silentMs >= forgetMs);
    // They died, or nobody heard their farewell. Who still owned something would keep an Inactive partition from ever
    // being without owners, and questions for it would fail for ever. One that comes back owns again what it did.
    for (const { id } of dead) removeInstance(this.map, ring, id, this.clock.now());
    return dead.map(({ id }) => id);
  }

  #lastHeardMs(id: string, nowMs: number): number {
    const beat = this.map.beat(instanceId(this.options.ring, id));
    const seen = this.#seen.get(id);
    if (seen === undefined) this.#seen.set(id, { beat, sinceMs: nowMs });
    else if (beat > seen.beat) {
      seen.beat = beat;
      seen.sinceMs = nowMs;
    }
    return this.#seen.get(id)!.sinceMs;
  }
}

/** Whether most of them are silent: then it is the one who listens that is alone. */
export function isCutOff(judged: readonly JudgedInstance[]): boolean {
  return judged.filter(({ isHealthy }) => !isHealthy).length * 2 > judged.length;
}
