// How many numbers a metrics query may make: series times intervals, in one partial answer and in all
// together. What needs more is refused before it is made.

import { InputError } from "../../../lib/errors.ts";

const CELLS_MAX = 8_000_000;

/** The product, if it is not too much. `told` are the intervals of the query, of which these are some. */
export function checkCells(series: number, intervals: number, told = intervals): number {
  const cells = series * intervals;
  if (cells <= CELLS_MAX) return cells;
  throw new InputError(
    "unprocessable",
    `the query makes ${series} series of ${told} intervals, which is more than ${CELLS_MAX} ` +
      "values: group by fewer labels or take a longer step",
  );
}
