import assert from "node:assert/strict";
import fc from "fast-check";

import { countBytes, countList, countShorts } from "./compare_loops.ts";

const VALUES = 5;
const PLACES = 4;
const SPANS = 30;

const code = fc.nat({ max: VALUES - 1 });
const place = fc.nat({ max: PLACES - 1 });
const spans = fc.array(fc.tuple(code, place, fc.boolean()), { minLength: SPANS, maxLength: SPANS });

/** One span after the other. */
function slowly(counted: readonly (readonly [number, number])[]): Float64Array {
  const cells = new Float64Array(VALUES * PLACES);
  for (const [code, place] of counted) cells[code * PLACES + place]!++;
  return cells;
}

Deno.test("spans are counted where they belong, in each form of column, of all rows and of some", () => {
  fc.assert(fc.property(spans, (all) => {
    const codes = all.map(([code]) => code);
    const counted = all.map(([code, place]) => [code, place] as const);
    const kept = all.flatMap(([, , isKept], row) => isKept ? [row] : []);
    const some = kept.map((row) => counted[row]!);
    const places = Int32Array.from(counted, ([, place]) => place);
    const rows = Int32Array.from(kept);
    const placesOfRows = Int32Array.from(some, ([, place]) => place);
    const cells = () => new Float64Array(VALUES * PLACES);

    const bytes = Uint8Array.from(codes);
    const byBytes = cells();
    countBytes(byBytes, PLACES, bytes, undefined, places);
    assert.deepEqual(byBytes, slowly(counted));
    const someBytes = cells();
    countBytes(someBytes, PLACES, bytes, rows, placesOfRows);
    assert.deepEqual(someBytes, slowly(some));

    const shorts = Uint16Array.from(codes);
    const byShorts = cells();
    countShorts(byShorts, PLACES, shorts, undefined, places);
    assert.deepEqual(byShorts, slowly(counted));
    const someShorts = cells();
    countShorts(someShorts, PLACES, shorts, rows, placesOfRows);
    assert.deepEqual(someShorts, slowly(some));

    const placeOfSpan = places.map((place, row) => kept.includes(row) ? place : -1);
    const byList = cells();
    countList(byList, PLACES, Int32Array.from(codes.keys()), shorts, placeOfSpan);
    assert.deepEqual(byList, slowly(some));
  }));
});
