import assert from "node:assert/strict";
import fc from "fast-check";
import { countPacked, positionOfPacked } from "./packed_counts.ts";

const cases = fc.record({
  width: fc.integer({ min: 1, max: 4 }),
  levels: fc.array(fc.nat({ max: 15 }), { maxLength: 100 }),
  wanted: fc.nat({ max: 15 }),
  offset: fc.nat({ max: 3 }),
  padding: fc.nat({ max: 3 }),
}).map(({ width, levels, wanted, offset, padding }) => {
  const mask = (1 << width) - 1;
  const own = levels.map((level) => level & mask);
  const bytes = new Uint8Array(offset + Math.ceil(own.length * width / 8) + padding).fill(0xff);
  for (const [i, level] of own.entries()) {
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      const byte = offset + (at >> 3);
      bytes[byte] = bytes[byte]! & ~(1 << (at & 7)) | (level >> bit & 1) << (at & 7);
    }
  }
  return { bytes, offset, width, levels: own, wanted: wanted & mask };
});

Deno.test("levels are counted as if written down, from any byte, whatever stands after them", () => {
  fc.assert(
    fc.property(cases, ({ bytes, offset, width, levels, wanted }) => {
      const slow = levels.filter((level) => level === wanted).length;
      assert.equal(countPacked(bytes, offset, width, levels.length, wanted), slow);
    }),
    { numRuns: 300 },
  );
});

Deno.test("the n-th of a level is where it is, and at the end if there are fewer", () => {
  fc.assert(
    fc.property(cases, fc.nat({ max: 40 }), ({ bytes, offset, width, levels, wanted }, n) => {
      const places = levels.flatMap((level, i) => level === wanted ? [i] : []);
      const found = positionOfPacked(bytes, offset, width, levels.length, wanted, n);
      assert.equal(found, places[n] ?? levels.length);
    }),
    { numRuns: 300 },
  );
});
