// Structural operators on nested-set numbers: which right-hand spans have a left-hand span as parent,
// child, ancestor, descendant or sibling in their trace. Linear: numbers of a trace are small and
// dense, so one table per query, a stretch of it per trace, stands for all pairs.
//
//   trace t owns table[base[t] … base[t] + 2 · spans(t) + 1]; numbers begin at 1, so slot 0 stands for
//   the parent of roots (-1). Spans that are not connected to a root have no numbers and match nothing.

import type { NestedSetColumns, SpanView } from "../../model/span_view.ts";
import type { StructuralOp } from "../traceql/mod.ts";
import { type Rows, subtract, union } from "./row_lists.ts";

type Relation = ">" | "<" | ">>" | "<<" | "~";

const INVERSE: Readonly<Record<Relation, Relation>> = {
  ">": "<",
  "<": ">",
  ">>": "<<",
  "<<": ">>",
  "~": "~",
};

export async function structuralRows(
  view: SpanView,
  op: StructuralOp,
  left: Rows,
  right: Rows,
): Promise<Rows> {
  const relation = op.replace(/^[!&]/, "") as Relation;
  const family = await openFamily(view);
  const related = family.related(relation, left, right);
  if (op.startsWith("!")) return subtract(right, related, view.spanCount);
  if (op.startsWith("&")) {
    return union(related, family.related(INVERSE[relation], right, left));
  }
  return related;
}

async function openFamily(view: SpanView): Promise<Family> {
  const traceOfSpan = await view.traceOfSpan();
  const { length } = await view.traces();
  const base = new Int32Array(length + 1);
  for (let row = 0; row < view.spanCount; row++) base[traceOfSpan[row]! + 1]! += 2;
  for (let trace = 0; trace < length; trace++) base[trace + 1]! += base[trace]! + 2;
  return new Family(await view.nestedSets(), traceOfSpan, base);
}

class Family {
  constructor(
    readonly sets: NestedSetColumns,
    readonly traceOfSpan: Int32Array,
    readonly base: Int32Array,
  ) {}

  /** The right-hand rows that some left-hand row is the parent (child, …) of. */
  related(relation: Relation, left: Rows, right: Rows): Rows {
    switch (relation) {
      case ">":
        return this.#pick(right, this.#marks(left, this.sets.left), this.sets.parent);
      case "<":
        return this.#pick(right, this.#marks(left, this.sets.parent), this.sets.left);
      case ">>":
        return this.#pick(right, this.#depths(left), this.sets.left);
      case "<<":
        return this.#withDescendants(left, right);
      case "~":
        return this.#siblings(left, right);
    }
  }

  #at(row: number, number: number): number {
    return this.base[this.traceOfSpan[row]!]! + number;
  }

  #marks(rows: Rows, numbers: Int32Array): Int32Array {
    const marks = new Int32Array(this.base.at(-1)!);
    for (let i = 0; i < rows.length; i++) {
      const number = numbers[rows[i]!]!;
      if (number > 0) marks[this.#at(rows[i]!, number)]!++;
    }
    return marks;
  }

  #pick(rows: Rows, marks: Int32Array, numbers: Int32Array): Rows {
    return rows.filter((row) => numbers[row]! > 0 && marks[this.#at(row, numbers[row]!)]! > 0);
  }

  /** How many of the rows enclose each number. */
  #depths(rows: Rows): Int32Array {
    const depths = new Int32Array(this.base.at(-1)!);
    const { left, right } = this.sets;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (left[row] === 0) continue;
      depths[this.#at(row, left[row]! + 1)]!++;
      depths[this.#at(row, right[row]!)]!--;
    }
    // Every opening is closed within its trace, so one running sum serves them all.
    for (let i = 1; i < depths.length; i++) depths[i]! += depths[i - 1]!;
    return depths;
  }

  #withDescendants(left: Rows, right: Rows): Rows {
    const counts = this.#marks(left, this.sets.left);
    for (let i = 1; i < counts.length; i++) counts[i]! += counts[i - 1]!;
    const { left: from, right: to } = this.sets;
    return right.filter((row) =>
      from[row]! > 0 &&
      counts[this.#at(row, to[row]! - 1)]! > counts[this.#at(row, from[row]!)]!
    );
  }

  /** Children of one parent, or two roots; a span is not its own sibling. */
  #siblings(left: Rows, right: Rows): Rows {
    const { parent } = this.sets;
    const counts = new Int32Array(this.base.at(-1)!);
    const slot = (row: number) => this.#at(row, Math.max(parent[row]!, 0));
    for (let i = 0; i < left.length; i++) {
      if (parent[left[i]!] !== 0) counts[slot(left[i]!)]!++;
    }
    const isLeft = new Set(left);
    return right.filter((row) =>
      parent[row] !== 0 && counts[slot(row)]! > (isLeft.has(row) ? 1 : 0)
    );
  }
}
