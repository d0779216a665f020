// Columns of one list must agree on its elements: which rows have how many. What a column says of each
// list it lies in is taken as a number, and the numbers of all columns of a list are compared.
// Rule: levels beyond the list's own do not matter to it; a null below an element is an element.

import type { Column } from "../parquet/column.ts";
import type { ListOfColumn } from "./footer_details.ts";

export interface Disagreement {
  readonly list: string;
  /** The column that was first to say how the list looks. */
  readonly other: string;
  readonly elements: number;
  readonly otherElements: number;
}

interface Shape {
  readonly column: string;
  readonly hash: number;
  readonly elements: number;
}

export class ListShapes {
  readonly #known = new Map<string, Shape>();

  /** Lists of which the column says something else than those before it. */
  add(column: Column, lists: readonly ListOfColumn[]): Disagreement[] {
    const { path } = column.leaf;
    const disagreements: Disagreement[] = [];
    for (const list of lists) {
      const shape = shapeOf(column, list);
      const known = this.#known.get(list.path);
      if (known === undefined) this.#known.set(list.path, { column: path, ...shape });
      else if (known.hash !== shape.hash || known.elements !== shape.elements) {
        disagreements.push({
          list: list.path,
          other: known.column,
          elements: shape.elements,
          otherElements: known.elements,
        });
      }
    }
    return disagreements;
  }
}

/** FNV-1a of (repetition, definition) by element or empty list. */
function shapeOf(
  { repetition, definition, entryCount }: Column,
  list: ListOfColumn,
): { hash: number; elements: number } {
  let hash = 0x811c9dc5;
  let elements = 0;
  for (let i = 0; i < entryCount; i++) {
    const r = repetition[i]!;
    if (r > list.repetition) continue;
    const d = Math.min(definition[i]!, list.definition);
    if (d === list.definition) elements++;
    hash = Math.imul(hash ^ (r << 4 | d), 0x01000193);
  }
  return { hash: hash >>> 0, elements };
}
