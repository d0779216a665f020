// The rows of one metric: which entity's series stands in which row of its columns, how long it was not
// touched, and whether it was ever collected.
// Rules: rows are dense and used again; an entity that there is no room for shares the row of OVERFLOW,
// and is asked about anew once something has ended.

import { grown } from "../lib/growable.ts";
import { type LabelSets, OVERFLOW } from "./label_sets.ts";
import type { SeriesCounts } from "./series_counts.ts";

const NONE = 0;

export const ROWS_AT_FIRST = 16;

export class SeriesRows {
  /** Rows that are or were in use: columns have so many. */
  length = 0;
  /** By row; -1 where it is free. */
  entity = new Int32Array(ROWS_AT_FIRST);
  touchedMs = new Float64Array(ROWS_AT_FIRST);
  /** 1: collected for the first time next. */
  isNew = new Uint8Array(ROWS_AT_FIRST);
  /** By entity: row + 1. */
  #rowOf = new Int32Array(ROWS_AT_FIRST);
  readonly #free: number[] = [];
  /** Entities that share the row of OVERFLOW. */
  readonly #refused: number[] = [];

  /** `weight`: how many series of Prometheus a row is. */
  constructor(
    readonly sets: LabelSets,
    readonly counts: SeriesCounts,
    readonly weight: number,
    readonly onGrow: (capacity: number) => void,
  ) {}

  /** The row for what happens to an entity now. */
  touch(entity: number, nowMs: number): number {
    const row = (entity < this.#rowOf.length ? this.#rowOf[entity]! : NONE) - 1;
    if (row < 0) return this.#admit(entity, nowMs);
    this.touchedMs[row] = nowMs;
    if (this.entity[row] === OVERFLOW) this.counts.limited += this.weight;
    return row;
  }

  /** Ends the rows that were not touched since `sinceMs`; `end` is told of each before. */
  sweep(sinceMs: number, end: (row: number) => void): void {
    let ended = false;
    for (let row = 0; row < this.length; row++) {
      if (this.entity[row]! < 0 || this.touchedMs[row]! >= sinceMs) continue;
      end(row);
      this.#end(row);
      ended = true;
    }
    if (ended) this.askAnew();
  }

  /** There may be room for those that there was none for. */
  askAnew(): void {
    for (const entity of this.#refused) {
      this.#rowOf[entity] = NONE;
      this.sets.release(entity);
    }
    this.#refused.length = 0;
  }

  #admit(entity: number, nowMs: number): number {
    if (entity >= this.#rowOf.length) this.#rowOf = grown(this.#rowOf, entity + 1);
    if (entity !== OVERFLOW && !this.counts.take(this.weight)) {
      this.#refused.push(entity);
      this.sets.retain(entity);
      const row = this.touch(OVERFLOW, nowMs);
      this.#rowOf[entity] = row + 1;
      return row;
    }
    if (entity === OVERFLOW) {
      this.counts.takeForOverflow(this.weight);
      this.counts.limited += this.weight;
    }
    const row = this.#free.pop() ?? this.#append();
    this.#rowOf[entity] = row + 1;
    this.entity[row] = entity;
    this.touchedMs[row] = nowMs;
    this.isNew[row] = 1;
    this.sets.retain(entity);
    return row;
  }

  #append(): number {
    const row = this.length++;
    if (row === this.entity.length) {
      this.entity = grown(this.entity, 0);
      this.touchedMs = grown(this.touchedMs, 0);
      this.isNew = grown(this.isNew, 0);
      this.onGrow(this.entity.length);
    }
    return row;
  }

  #end(row: number): void {
    const entity = this.entity[row]!;
    this.entity[row] = -1;
    this.#rowOf[entity] = NONE;
    this.#free.push(row);
    if (entity === OVERFLOW) this.counts.giveOfOverflow(this.weight);
    else this.counts.give(this.weight);
    this.sets.release(entity);
  }
}
