// Traces that stand for what a collection tells: the last one of every bucket that was observed in.
// Rule: of one metric, from one collection to the next; a slot per bucket, and a pool that only what was
// observed takes room in. 40 bytes a bucket in use.

import { grown } from "../lib/growable.ts";
import type { Exemplar, Label } from "./series.ts";

export class Exemplars {
  /** By row and bucket: place in the pool + 1. */
  #placeOf = new Int32Array(0);
  #length = 0;
  #traceId = new Uint32Array(64);
  #value = new Float64Array(16);
  #timeMs = new Float64Array(16);

  constructor(readonly buckets: number) {}

  grow(rows: number): void {
    this.#placeOf = grown(this.#placeOf, rows * this.buckets);
  }

  /** `at`: where the four words of the trace id begin. */
  put(
    row: number,
    bucket: number,
    value: number,
    traceIds: Uint32Array,
    at: number,
    nowMs: number,
  ): void {
    const slot = row * this.buckets + bucket;
    let place = this.#placeOf[slot]! - 1;
    if (place < 0) {
      place = this.#length++;
      if (place === this.#value.length) {
        this.#traceId = grown(this.#traceId, 0);
        this.#value = grown(this.#value, 0);
        this.#timeMs = grown(this.#timeMs, 0);
      }
      this.#placeOf[slot] = place + 1;
    }
    const words = this.#traceId;
    words[place * 4] = traceIds[at]!;
    words[place * 4 + 1] = traceIds[at + 1]!;
    words[place * 4 + 2] = traceIds[at + 2]!;
    words[place * 4 + 3] = traceIds[at + 3]!;
    this.#value[place] = value;
    this.#timeMs[place] = nowMs;
  }

  of(row: number, bucket: number, label: string): Exemplar | undefined {
    const place = this.#placeOf[row * this.buckets + bucket]! - 1;
    if (place < 0) return undefined;
    const id = new Uint8Array(this.#traceId.buffer, place * 16, 16);
    const labels: Label[] = [[label, id.toHex()]];
    return { labels, value: this.#value[place]!, timeMs: this.#timeMs[place]! };
  }

  forget(row: number): void {
    this.#placeOf.fill(0, row * this.buckets, (row + 1) * this.buckets);
  }

  clear(): void {
    if (this.#length === 0) return;
    this.#placeOf.fill(0);
    this.#length = 0;
  }
}
