// An endless stream of requests: waves of templates, patched with fresh traces each time.
// Rule: a request is valid until the next one is taken.
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import { shop } from "./catalogue.ts";
import { patchRequest, putRequestId, putTraceId, type WaveTraces } from "./patch.ts";
import { type RequestTemplate, type WaveTemplate, waveTemplate } from "./template.ts";

export interface RequestSourceOptions {
  readonly spansPerRequest: number;
  /** 1 keeps every trace in one request. */
  readonly requestsPerWave: number;
  readonly waves: number;
  /** Room in front of each request's bytes. */
  readonly roomBytes: number;
}

/** A trace that was sent, by its two words. */
export interface SentTrace {
  readonly a: number;
  readonly b: number;
  readonly spanCount: number;
}

export interface Request {
  readonly template: RequestTemplate;
  /** Every trace of the wave, once its last request is this one. */
  readonly finishedTraces: () => SentTrace[];
  readonly isWaveEnd: boolean;
}

export function traceIdOf({ a, b }: SentTrace): string {
  const bytes = new Uint8Array(16);
  putTraceId(bytes, 0, a, b);
  return bytes.toHex();
}

export function requestIdOf({ a, b }: SentTrace): string {
  const bytes = new Uint8Array(36);
  putRequestId(bytes, 0, a, b);
  return new TextDecoder().decode(bytes);
}

/** Templates may be shared by the sources of several connections only if each copies its own. */
export function createWaves(random: Random, options: RequestSourceOptions): WaveTemplate[] {
  const services = shop(random);
  return Array.from(
    { length: options.waves },
    () => waveTemplate(random, { ...options, services }),
  );
}

export class RequestSource {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waves: readonly WaveTemplate[];
  #wave = -1;
  #request = 0;
  #traces: WaveTraces = waveTraces(0);

  constructor(clock: Clock, random: Random, waves: readonly WaveTemplate[]) {
    this.#clock = clock;
    this.#random = random;
    this.#waves = waves;
  }

  next(): Request {
    let wave = this.#waves[this.#wave];
    if (wave === undefined || this.#request === wave.requests.length) {
      this.#wave = (this.#wave + 1) % this.#waves.length;
      this.#request = 0;
      wave = this.#waves[this.#wave]!;
      this.#traces = this.#freshTraces(wave);
    }
    const template = wave.requests[this.#request++]!;
    patchRequest(template, this.#traces);
    const { nonce } = this.#traces;
    const { spansOfTrace } = wave;
    return {
      template,
      isWaveEnd: this.#request === wave.requests.length,
      finishedTraces: () =>
        Array.from(spansOfTrace, (spanCount, t) => {
          return { a: nonce[2 * t]!, b: nonce[2 * t + 1]!, spanCount };
        }),
    };
  }

  /** Each ended a moment ago. */
  #freshTraces(wave: WaveTemplate): WaveTraces {
    const traces = waveTraces(wave.traceCount);
    this.#random.fill(traces.nonce);
    const nowMs = this.#clock.now();
    for (let t = 0; t < wave.traceCount; t++) {
      const stretch = 0.5 + this.#random.next();
      traces.stretch[t] = stretch;
      const agoNanos = wave.traceNanos[t]! * stretch + this.#random.next() * 1e8;
      const startMs = nowMs - Math.ceil(agoNanos / 1e6);
      // Below a second in nanoseconds, above it in words: the whole does not fit a number.
      const nanos = BigInt(startMs) * 1_000_000n + BigInt(Math.floor(this.#random.next() * 1e6));
      traces.startLow[t] = Number(nanos & 0xffffffffn);
      traces.startHigh[t] = Number(nanos >> 32n);
    }
    return traces;
  }
}

function waveTraces(count: number): WaveTraces {
  return {
    nonce: new Uint32Array(2 * count),
    startLow: new Uint32Array(count),
    startHigh: new Uint32Array(count),
    stretch: new Float64Array(count),
  };
}
