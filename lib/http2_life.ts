// How long an HTTP/2 connection lives: until its peer falls silent, has nothing to ask, or has been
// here long enough; and how often a peer may ping.
// Rule: one timer a connection, and nothing to do for a request but to note the time.

import type { Clock } from "./clock.ts";
import { Http2Code, Http2Error } from "./http2_frame.ts";

/** Times of 0 mean never. */
export interface Http2ConnectionOptions {
  /** Of one connection, at a time. */
  readonly streamsMax: number;
  /** A peer that is silent for so long is pinged, … */
  readonly keepaliveMs: number;
  /** … and is gone if it stays silent for so long. */
  readonly keepaliveTimeoutMs: number;
  /** A connection without streams ends after this. */
  readonly idleMs: number;
  /** After this a connection takes no new streams, … */
  readonly ageMs: number;
  /** … and after this those that are left are cut off. */
  readonly ageGraceMs: number;
  /** Between pings of a peer to which nothing is sent. */
  readonly pingIntervalMinMs: number;
  readonly canPingWithoutStreams: boolean;
}

export const defaultConnectionOptions: Http2ConnectionOptions = {
  streamsMax: 250,
  keepaliveMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
  idleMs: 0,
  ageMs: 0,
  ageGraceMs: 0,
  pingIntervalMinMs: 10_000,
  canPingWithoutStreams: true,
};

export interface LifeOwner {
  readonly streamCount: number;
  ping(): void;
  /** Takes no new streams and ends with the last one. */
  stop(): void;
  close(): void;
}

/** Too hasty pings that are let pass. */
const STRIKES_MAX = 2;
/** How often a peer that asks for nothing may ping. */
const PING_WITHOUT_STREAMS_MS = 7_200_000;

export class ConnectionLife {
  readonly #clock: Clock;
  readonly #owner: LifeOwner;
  readonly #options: Http2ConnectionOptions;
  readonly #startMs: number;
  #timer: number | undefined;
  #heardMs: number;
  #busyMs: number;
  #pingedMs: number | undefined;
  #hasStopped = false;
  #lastPingMs = -Infinity;
  #strikes = 0;

  constructor(clock: Clock, owner: LifeOwner, options: Http2ConnectionOptions) {
    this.#clock = clock;
    this.#owner = owner;
    this.#options = options;
    this.#startMs = clock.monotonic();
    this.#heardMs = this.#busyMs = this.#startMs;
    this.#check();
  }

  /** Bytes came from the peer. */
  heard(): void {
    this.#heardMs = this.#clock.monotonic();
    this.#pingedMs = undefined;
  }

  /** The last stream has ended. */
  fellIdle(): void {
    this.#busyMs = this.#clock.monotonic();
  }

  /** Something was sent: a ping may be a measure of the way. */
  answered(): void {
    this.#strikes = 0;
  }

  /** Throws if the peer pings too often. */
  pinged(): void {
    const now = this.#clock.monotonic();
    const { canPingWithoutStreams, pingIntervalMinMs } = this.#options;
    const least = this.#owner.streamCount > 0 || canPingWithoutStreams
      ? pingIntervalMinMs
      : PING_WITHOUT_STREAMS_MS;
    if (now - this.#lastPingMs < least) this.#strikes++;
    this.#lastPingMs = now;
    if (this.#strikes <= STRIKES_MAX) return;
    throw new Http2Error(Http2Code.EnhanceYourCalm, "too_many_pings"); // clients know this word
  }

  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Does what is due and sets the timer for what is due next. */
  #check(): void {
    const now = this.#clock.monotonic();
    const dues: number[] = [];
    const isDue = (sinceMs: number, afterMs: number) => {
      if (afterMs === 0) return false;
      if (now >= sinceMs + afterMs) return true;
      dues.push(sinceMs + afterMs);
      return false;
    };
    const { keepaliveMs, keepaliveTimeoutMs, idleMs, ageMs, ageGraceMs } = this.#options;
    if (this.#pingedMs !== undefined) {
      if (isDue(this.#pingedMs, keepaliveTimeoutMs)) return this.#owner.close();
    } else if (isDue(this.#heardMs, keepaliveMs)) {
      this.#owner.ping();
      this.#pingedMs = now;
      if (keepaliveTimeoutMs > 0) dues.push(now + keepaliveTimeoutMs);
    }
    if (this.#hasStopped) {
      if (isDue(this.#startMs + ageMs, ageGraceMs)) return this.#owner.close();
    } else if (isDue(this.#startMs, ageMs)) {
      this.#hasStopped = true;
      this.#owner.stop();
      if (ageGraceMs > 0) dues.push(this.#startMs + ageMs + ageGraceMs);
    } else if (this.#owner.streamCount === 0) {
      if (isDue(this.#busyMs, idleMs)) return this.#owner.stop();
    } else if (idleMs > 0) dues.push(now + idleMs);
    if (dues.length === 0) return;
    const delayMs = Math.max(1, Math.min(...dues) - now);
    this.#timer = this.#clock.setTimeout(() => this.#check(), Math.min(delayMs, 2 ** 31 - 1));
  }
}
