// The network between simulated processes, their topic and their bucket: it cuts, loses, doubles and delays.
// Rules: who asks across a cut, or whose question or answer is lost, hears nothing until its patience ends; a
// question that arrives is answered by the life that is there then; a question may arrive twice.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import type { Place } from "./cluster_place.ts";

export interface NetworkWeather {
  /** Of messages, each way. */
  loss: number;
  /** Of questions. */
  duplication: number;
  delayMaxMs: number;
}

export interface Cut {
  /** Whether it lies between the two, either way. */
  separates(a: string, b: string): boolean;
}

const NEVER = new AbortController().signal;

export class Network {
  readonly weather: NetworkWeather = { loss: 0, duplication: 0, delayMaxMs: 5 };
  readonly cuts = new Set<Cut>();
  readonly #listening = new Map<string, Listener>();

  constructor(readonly clock: Clock, readonly random: Random) {}

  reaches(a: string, b: string): boolean {
    for (const cut of this.cuts) if (cut.separates(a, b)) return false;
    return true;
  }

  listen(place: Place, answer: Listener["answer"]): void {
    this.#listening.set(place.name, { place, answer });
  }

  close(place: Place): void {
    if (this.#listening.get(place.name)?.place === place) this.#listening.delete(place.name);
  }

  /** `message` and what comes back are plain bytes or other values that nobody changes. */
  async ask(
    from: Place,
    to: string,
    message: unknown,
    timeoutMs: number,
    signal: AbortSignal = NEVER,
  ): Promise<unknown> {
    const silent = Promise.withResolvers<never>();
    const timer = this.clock.setTimeout(
      () => silent.reject(new UnavailableError(`${to} does not answer`)),
      timeoutMs,
    );
    const stop = () => silent.reject(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      signal.throwIfAborted();
      return await from.alive(Promise.race([this.#carry(from.name, to, message), silent.promise]));
    } finally {
      this.clock.clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Never settles when one of the two messages is lost. */
  async #carry(from: string, to: string, message: unknown): Promise<unknown> {
    await this.#way(from, to);
    if (this.random.next() < this.weather.duplication) {
      this.#deliver(to, message).catch(() => {}); // the second answer finds nobody who waits
    }
    let answer: unknown;
    let failure: unknown;
    try {
      answer = await this.#deliver(to, message);
    } catch (error) {
      failure = error;
    }
    await this.#way(to, from);
    if (failure !== undefined) throw failure;
    return answer;
  }

  async #deliver(to: string, message: unknown): Promise<unknown> {
    const listener = this.#listening.get(to);
    if (listener === undefined || listener.place.isDead) {
      throw new UnavailableError(`${to} refuses the connection`);
    }
    const { place, answer } = listener;
    const broken = Promise.withResolvers<never>();
    const gone = () => broken.reject(new UnavailableError(`${to} is gone`));
    place.gone.addEventListener("abort", gone);
    try {
      return await Promise.race([answer(message), broken.promise]);
    } finally {
      place.gone.removeEventListener("abort", gone);
    }
  }

  async #way(from: string, to: string): Promise<void> {
    const { loss, delayMaxMs } = this.weather;
    const isLost = this.random.next() < loss;
    await sleep(this.clock, this.random.next() * delayMaxMs, NEVER);
    if (isLost || !this.reaches(from, to)) await new Promise<never>(() => {});
  }
}

interface Listener {
  readonly place: Place;
  answer(message: unknown): Promise<unknown>;
}
