import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parseGoDuration,
  parseInt64,
  parseLogfmt,
  parsePrometheusDuration,
  parseUint,
  printGoDuration,
} from "./go_text.ts";

Deno.test("whole numbers are read within their bits", () => {
  assert.equal(parseUint("4294967295", 32), 4294967295n);
  assert.equal(parseInt64("-5"), -5n);
  assert.equal(parseInt64("+5"), 5n);
  const cases = [
    [
      () => parseUint("4294967296", 32),
      'strconv.ParseUint: parsing "4294967296": value out of range',
    ],
    [() => parseUint("+1", 32), 'strconv.ParseUint: parsing "+1": invalid syntax'],
    [() => parseUint("", 64), 'strconv.ParseUint: parsing "": invalid syntax'],
    [() => parseInt64("1.5"), 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    [() => parseInt64("x", "Atoi"), 'strconv.Atoi: parsing "x": invalid syntax'],
    [
      () => parseInt64("9223372036854775808"),
      'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
  ] as const;
  for (const [parse, message] of cases) {
    assert.throws(parse, { name: "InputError", code: "invalid_argument", message });
  }
});

Deno.test("durations: of Go with fractions, of Prometheus with days", () => {
  assert.equal(parseGoDuration("1h30m"), 5400e9);
  assert.equal(parseGoDuration("1.5s"), 1.5e9);
  assert.equal(parseGoDuration("-.5ms"), -5e5);
  assert.equal(parseGoDuration("0"), 0);
  assert.equal(parsePrometheusDuration("1w2d"), 9 * 86400e9);
  assert.equal(parsePrometheusDuration("0"), 0);
  const cases = [
    [() => parseGoDuration("x"), 'time: invalid duration "x"'],
    [() => parseGoDuration(""), 'time: invalid duration ""'],
    [() => parseGoDuration("5"), 'time: missing unit in duration "5"'],
    [() => parseGoDuration("1d"), 'time: unknown unit "d" in duration "1d"'],
    [() => parsePrometheusDuration("1q"), 'unknown unit "q" in duration "1q"'],
    [() => parsePrometheusDuration("1.5h"), 'unknown unit "." in duration "1.5h"'],
    [() => parsePrometheusDuration("h"), 'not a valid duration string: "h"'],
    [() => parsePrometheusDuration(""), "empty duration string"],
  ] as const;
  for (const [parse, message] of cases) assert.throws(parse, { name: "InputError", message });
});

Deno.test("a printed duration reads back as itself", () => {
  assert.equal(printGoDuration(168 * 3_600_000), "168h0m0s");
  assert.equal(printGoDuration(61_500), "1m1.5s");
  fc.assert(fc.property(fc.nat(10 ** 10), (ms) => {
    assert.equal(Math.round(parseGoDuration(printGoDuration(ms)) / 1e6), ms);
  }));
});

Deno.test("logfmt: quoted, bare and missing values", () => {
  assert.deepEqual([...parseLogfmt(` a=b  c="d \\"e\\"\\n" f= g `)], [
    ["a", "b"],
    ["c", 'd "e"\n'],
    ["f", ""],
    ["g", ""],
  ]);
  assert.throws(() => parseLogfmt("a=b a=c"), { message: "tag a has been set twice" });
  assert.throws(() => parseLogfmt('a=b ="'), { message: "unexpected '=' at pos 5" });
  assert.throws(() => parseLogfmt('a="b'), { message: `unexpected '"' at pos 3` });
});

Deno.test("whatever is written as logfmt is read", () => {
  const key = fc.stringMatching(/^[a-z.]{1,9}$/);
  fc.assert(fc.property(fc.dictionary(key, fc.string()), (tags) => {
    const text = Object.entries(tags)
      .map(([key, value]) => `${key}="${value.replace(/["\\]/g, "\\$&")}"`).join(" ");
    assert.deepEqual(parseLogfmt(text), new Map(Object.entries(tags)));
  }));
});
