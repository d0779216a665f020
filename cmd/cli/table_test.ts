import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { Progress } from "./progress.ts";
import { age, bytes, count, duration, figure, oneLine, percent, table } from "./table.ts";

Deno.test("columns are aligned, figures on the right, nothing trails", () => {
  assert.equal(
    table(["NAME", figure("N"), "NOTE"], [["a", "1", ""], ["ключ", "1,000", "x"]]),
    "NAME      N  NOTE\na         1\nключ  1,000  x\n",
  );
});

Deno.test("figures are told in units that people read", () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
  assert.deepEqual(
    [0, 1023, 1024, 1_048_575, 1_048_576, 5e12].map(bytes),
    ["0 B", "1023 B", "1.00 KiB", "1.00 MiB", "1.00 MiB", "4.55 TiB"],
  );
  assert.deepEqual([0, 59_000, 60_000, 90_061_000].map(age), ["0s", "59s", "1m0s", "1d1h"]);
  assert.deepEqual(
    [0n, 999n, 1500n, 2_388_900_000n].map(duration),
    ["0ns", "999ns", "1.5µs", "2.389s"],
  );
  assert.deepEqual([percent(1, 3), percent(0, 0)], ["33.3%", "-"]);
});

Deno.test("what comes from traces cannot move the cursor, break the line, or fill the screen", () => {
  assert.equal(oneLine("a\nb\x1b[2Jc", 80), "a\\nb\\x1b[2Jc");
  assert.equal(oneLine("abcdef", 4), "abc…");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 40 }), (text, max) => {
      const line = oneLine(text, max);
      assert.ok([...line].length <= max);
      // deno-lint-ignore no-control-regex -- these are what it is about
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
    }),
  );
});

Deno.test("a bar is drawn on a terminal alone, not too often, and leaves nothing behind", async () => {
  const clock = new SimulatedClock();
  let screen = "";
  const write = (text: string) => screen += text;
  const silent = new Progress("x", { isTerminal: false, write }, clock);
  silent.update(1, 2);
  silent.end();
  assert.equal(screen, "");
  const bar = new Progress("reading", { isTerminal: true, write }, clock);
  bar.update(0, 4);
  bar.update(1, 4);
  await clock.advance(1000);
  bar.update(1, 4);
  assert.equal(screen.split("\r").length - 1, 2);
  assert.match(screen, /reading █{8}░{22} 25% 3s left$/);
  bar.end();
  assert.ok(screen.endsWith("\r\x1b[2K"));
  new Progress("none", { isTerminal: true, write }, clock).end();
});
