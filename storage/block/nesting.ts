// Which trace, resource and scope each span belongs to, from the levels of any required column of
// spans: an entry with repetition 0 starts a trace, 1 a resource, 2 a scope, 3 is one more span of
// the same scope. A definition of 3 is a span, less is an owner without any.
// Rows of resources and scopes count those that exist, with or without spans.

import type { Column } from "../parquet/column.ts";

export interface Nesting {
  readonly traceOfSpan: Int32Array;
  readonly resourceOfSpan: Int32Array;
  readonly scopeOfSpan: Int32Array;
}

export function nestingOf({ repetition, definition, entryCount, valueCount }: Column): Nesting {
  const traceOfSpan = new Int32Array(valueCount);
  const resourceOfSpan = new Int32Array(valueCount);
  const scopeOfSpan = new Int32Array(valueCount);
  let trace = -1;
  let resource = -1;
  let scope = -1;
  let span = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const level = repetition[entry]!;
    const depth = definition[entry]!;
    if (level < 3) {
      if (level === 0) trace++;
      if (level <= 1 && depth >= 1) resource++;
      if (depth >= 2) scope++;
    }
    if (depth === 3) {
      traceOfSpan[span] = trace;
      resourceOfSpan[span] = resource;
      scopeOfSpan[span++] = scope;
    }
  }
  return { traceOfSpan, resourceOfSpan, scopeOfSpan };
}

/** The row of the owner of each value, of a column whose values lie directly below its owners. */
export function valueOwners(column: Column, ownerLevel: number): Int32Array {
  const { repetition, definition, entryCount, valueCount, leaf: { definitionMax } } = column;
  const owners = new Int32Array(valueCount);
  let owner = -1;
  let value = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const depth = definition[entry]!;
    if (depth < ownerLevel) continue;
    if (repetition[entry]! <= ownerLevel) owner++;
    if (depth === definitionMax) owners[value++] = owner;
  }
  return owners;
}
