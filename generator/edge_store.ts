// Halves of calls that wait for their other half: by trace and span, in the order they came.
//
//   key     trace id (4 words), span id of the client's side (2 words)
//   heads   [hash & mask] ▶ first edge, then `next` ▶ …        chains, so that taking away is easy
//   oldest ▶ after ▶ after ▶ newest                            all edges, by when they came
//
// Rules: no more than edgesMax wait; every edge waits as long, so the first to come is the first to go.
// A call is taken away as soon as it is whole: what is here is halves.

import { grown } from "../lib/growable.ts";

const NONE = -1;
const KEY_WORDS = 6;

export class EdgeStore<Half> {
  length = 0;
  /** The words of each edge's key. */
  key = new Uint32Array(16 * KEY_WORDS);
  readonly half: (Half | undefined)[] = [];
  cameMs = new Float64Array(16);
  #next = new Int32Array(16);
  #before = new Int32Array(16);
  #after = new Int32Array(16);
  #hash = new Int32Array(16);
  #heads = new Int32Array(32).fill(NONE);
  #oldest = NONE;
  #newest = NONE;
  /** Edges ever made; those taken away are used first. */
  #made = 0;
  readonly #free: number[] = [];

  constructor(readonly edgesMax: number) {}

  /** The edge of a key, or -1. */
  find(traceIds: Uint32Array, traceAt: number, spanIds: Uint32Array, spanAt: number): number {
    const key = this.key;
    const hash = hashOf(traceIds, traceAt, spanIds, spanAt);
    let edge = this.#heads[hash & (this.#heads.length - 1)]!;
    for (; edge !== NONE; edge = this.#next[edge]!) {
      const at = edge * KEY_WORDS;
      if (
        key[at] === traceIds[traceAt] && key[at + 1] === traceIds[traceAt + 1] &&
        key[at + 2] === traceIds[traceAt + 2] && key[at + 3] === traceIds[traceAt + 3] &&
        key[at + 4] === spanIds[spanAt] && key[at + 5] === spanIds[spanAt + 1]
      ) return edge;
    }
    return NONE;
  }

  /** A new edge for a key that is not here, or -1 where there is no room. */
  add(
    traceIds: Uint32Array,
    traceAt: number,
    spanIds: Uint32Array,
    spanAt: number,
    half: Half,
    nowMs: number,
  ): number {
    if (this.length >= this.edgesMax) return NONE;
    const edge = this.#free.pop() ?? this.#make();
    const at = edge * KEY_WORDS;
    for (let i = 0; i < 4; i++) this.key[at + i] = traceIds[traceAt + i]!;
    this.key[at + 4] = spanIds[spanAt]!;
    this.key[at + 5] = spanIds[spanAt + 1]!;
    this.half[edge] = half;
    this.cameMs[edge] = nowMs;
    const hash = hashOf(traceIds, traceAt, spanIds, spanAt);
    const head = hash & (this.#heads.length - 1);
    this.#hash[edge] = hash;
    this.#next[edge] = this.#heads[head]!;
    this.#heads[head] = edge;
    this.#before[edge] = this.#newest;
    this.#after[edge] = NONE;
    if (this.#newest === NONE) this.#oldest = edge;
    else this.#after[this.#newest] = edge;
    this.#newest = edge;
    this.length++;
    return edge;
  }

  remove(edge: number): void {
    const head = this.#hash[edge]! & (this.#heads.length - 1);
    const next = this.#next[edge]!;
    if (this.#heads[head] === edge) this.#heads[head] = next;
    else {
      let other = this.#heads[head]!;
      while (this.#next[other] !== edge) other = this.#next[other]!;
      this.#next[other] = next;
    }
    const before = this.#before[edge]!;
    const after = this.#after[edge]!;
    if (before === NONE) this.#oldest = after;
    else this.#after[before] = after;
    if (after === NONE) this.#newest = before;
    else this.#before[after] = before;
    this.half[edge] = undefined;
    this.#free.push(edge);
    this.length--;
  }

  /** The first edge that came before `ms`, or -1. */
  oldestBefore(ms: number): number {
    const edge = this.#oldest;
    return edge !== NONE && this.cameMs[edge]! < ms ? edge : NONE;
  }

  #make(): number {
    const edge = this.#made++;
    if (edge === this.cameMs.length) {
      this.key = grown(this.key, 0);
      this.cameMs = grown(this.cameMs, 0);
      this.#next = grown(this.#next, 0);
      this.#before = grown(this.#before, 0);
      this.#after = grown(this.#after, 0);
      this.#hash = grown(this.#hash, 0);
      this.#rehash(this.cameMs.length * 2);
    }
    return edge;
  }

  #rehash(heads: number): void {
    this.#heads = new Int32Array(heads).fill(NONE);
    for (let edge = this.#oldest; edge !== NONE; edge = this.#after[edge]!) {
      const head = this.#hash[edge]! & (heads - 1);
      this.#next[edge] = this.#heads[head]!;
      this.#heads[head] = edge;
    }
  }
}

function hashOf(
  traceIds: Uint32Array,
  traceAt: number,
  spanIds: Uint32Array,
  spanAt: number,
): number {
  const trace =
    Math.imul(traceIds[traceAt]! ^ Math.imul(traceIds[traceAt + 1]!, 0x85ebca6b), 0x9e3779b1) ^
    Math.imul(traceIds[traceAt + 2]! ^ Math.imul(traceIds[traceAt + 3]!, 0xc2b2ae35), 0x27d4eb2f);
  const span = Math.imul(
    spanIds[spanAt]! ^ Math.imul(spanIds[spanAt + 1]!, 0x2c1b3c6d),
    0x165667b1,
  );
  const hash = Math.imul(trace ^ (span << 13 | span >>> 19), 0x85ebca6b);
  return hash ^ (hash >>> 15);
}
