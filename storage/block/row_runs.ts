// In which order the rows of several inputs make up a row group, as runs of neighbours, cut into the
// stripes that become pages.
//
//   input 0   A C C' F     runs      0:[A] 1:[B] 0:[C C'] 1:[E] 0:[F]
//   input 1   B E          stripes   |           |              |        each of some 4,096 spans
//
// Rule: the rows of one input are taken in their order, so each of its columns is walked once.

import { IntList } from "../../lib/growable.ts";
import { SPANS_PER_STRIPE } from "./block_lists.ts";
import type { Stripes } from "./chunk_output.ts";

export class RowRuns implements Stripes {
  /** Rows. */
  length = 0;
  readonly #source = new IntList();
  readonly #from = new IntList();
  readonly #to = new IntList();
  /** By stripe: its first row and its first run. */
  readonly stripeStart: number[] = [];
  readonly #stripeRun: number[] = [];
  #stripeSpans = SPANS_PER_STRIPE;

  get runs(): number {
    return this.#source.length;
  }

  /** By run. */
  get source(): Int32Array {
    return this.#source.values;
  }

  /** By run: rows [from, to) of its source. */
  get from(): Int32Array {
    return this.#from.values;
  }

  get to(): Int32Array {
    return this.#to.values;
  }

  stripeEnd(stripe: number): number {
    return this.stripeStart[stripe + 1] ?? this.length;
  }

  firstRun(stripe: number): number {
    return this.#stripeRun[stripe] ?? this.runs;
  }

  push(source: number, row: number, spans: number): void {
    const isNewStripe = this.#stripeSpans >= SPANS_PER_STRIPE;
    if (isNewStripe) {
      this.stripeStart.push(this.length);
      this.#stripeRun.push(this.runs);
      this.#stripeSpans = 0;
    }
    this.#stripeSpans += spans;
    this.length++;
    const last = this.runs - 1;
    if (!isNewStripe && this.source[last] === source && this.to[last] === row) {
      this.to[last] = row + 1;
      return;
    }
    this.#source.push(source);
    this.#from.push(row);
    this.#to.push(row + 1);
  }
}
