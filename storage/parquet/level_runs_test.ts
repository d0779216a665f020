import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { decodeRle } from "./decodings.ts";
import { countLevels, decodeRleRange, entriesOfRows } from "./level_runs.ts";

/** Runs as other writers might make them: of one value, or packed in groups of eight. */
function encoded(runs: readonly { values: number[]; isPacked: boolean }[], width: number) {
  const bytes: number[] = [];
  const all: number[] = [];
  const varint = (value: number) => {
    for (; value > 127; value >>>= 7) bytes.push(value & 127 | 128);
    bytes.push(value);
  };
  for (const { values, isPacked } of runs) {
    if (!isPacked) {
      varint(values.length * 2);
      for (let shift = 0; shift < width; shift += 8) bytes.push(values[0]! >> shift & 255);
      all.push(...values.map(() => values[0]!));
      continue;
    }
    const groups = Math.ceil(values.length / 8);
    const padded = [...values, ...Array(groups * 8 - values.length).fill(0)];
    varint(groups * 2 + 1);
    const bits = padded.flatMap((value) => Array.from({ length: width }, (_, i) => value >> i & 1));
    for (let i = 0; i < bits.length; i += 8) {
      bytes.push(bits.slice(i, i + 8).reduce((byte, bit, k) => byte | bit << k, 0));
    }
    all.push(...padded);
  }
  return { bytes: Uint8Array.from(bytes), all };
}

const runsOf = (max: number) =>
  fc.array(
    fc.record({
      values: fc.array(fc.nat({ max }), { minLength: 1, maxLength: 40 }),
      isPacked: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );

Deno.test("a range of codes is that range of all codes", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }).chain((width) =>
        fc.tuple(fc.constant(width), runsOf(2 ** width - 1), fc.nat(), fc.nat())
      ),
      ([width, runs, a, b]) => {
        const { bytes, all } = encoded(runs, width);
        const slow = new Int32Array(all.length);
        decodeRle(new ByteCursor(bytes), width, slow, 0, all.length);
        assert.deepEqual([...slow], all);
        const skip = a % all.length;
        const out = new Int32Array(b % (all.length - skip + 1));
        decodeRleRange(new ByteCursor(bytes), width, skip, out);
        assert.deepEqual(out, slow.slice(skip, skip + out.length));
      },
    ),
  );
});

Deno.test("rows and levels are found and counted as in levels written down", () => {
  fc.assert(
    fc.property(runsOf(5), fc.nat(), fc.nat(), fc.nat({ max: 5 }), (runs, a, b, wanted) => {
      runs[0] = { values: [0, ...runs[0]!.values], isPacked: runs[0]!.isPacked };
      const { bytes, all } = encoded(runs, 3);
      const starts = all.flatMap((level, entry) => level === 0 ? [entry] : []);
      const from = a % starts.length;
      const to = from + 1 + b % (starts.length - from);
      assert.deepEqual(entriesOfRows(new ByteCursor(bytes), 3, all.length, from, to), {
        start: starts[from],
        end: starts[to] ?? all.length,
      });
      const entries = a % (all.length + 1);
      assert.equal(
        countLevels(new ByteCursor(bytes), 3, entries, wanted),
        all.slice(0, entries).filter((level) => level === wanted).length,
      );
    }),
    { numRuns: 300 },
  );
});
