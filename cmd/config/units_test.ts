import assert from "node:assert/strict";
import fc from "fast-check";

import { formatDuration, parseDuration } from "./units.ts";

Deno.test("durations are read in Go's form, with days and weeks", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["0s", 0],
    ["5s", 5_000],
    ["250ms", 250],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1.s", 1_000],
    ["100us", 0.1],
    ["100µs", 0.1],
    ["1ns", 1e-6],
    ["2d", 172_800_000],
    ["1w2d", 777_600_000],
    ["-5s", -5_000],
    ["+5s", 5_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

Deno.test("what is no duration is refused", () => {
  const cases = ["", "5", "s", "5 s", "5x", "five", "1h30", "1..5s", ".s", "5s ", "1e3s", "--5s"];
  for (const text of cases) assert.equal(parseDuration(text), undefined, JSON.stringify(text));
});

Deno.test("a duration told is read again as the same", () => {
  fc.assert(fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (ms) => {
    assert.equal(parseDuration(formatDuration(ms)), ms);
  }));
  assert.equal(formatDuration(5_400_000), "1h30m");
  assert.equal(formatDuration(1_209_600_000), "336h");
  assert.equal(formatDuration(0.1), "100us");
  assert.equal(formatDuration(0), "0s");
});
