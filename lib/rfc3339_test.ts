import assert from "node:assert/strict";
import fc from "fast-check";
import { formatInstant, parseInstant } from "./rfc3339.ts";

Deno.test("an instant is read to the nanosecond, in any zone", () => {
  const read = (text: string) => parseInstant(text);
  assert.deepEqual(read("2026-11-21T02:45:20.9430848Z"), {
    seconds: 1_795_229_120,
    nanos: 943_084_800,
  });
  assert.deepEqual(read("2026-01-01T12:59:00+01:00"), { seconds: 1_767_268_740, nanos: 0 });
  assert.deepEqual(read("1969-12-31T23:59:59.5Z"), { seconds: -1, nanos: 500_000_000 });
  assert.deepEqual(read("0001-01-01T00:00:00Z"), { seconds: -62_135_596_800, nanos: 0 });
  assert.deepEqual(read("2026-01-01T00:00:00.1234567891Z"), {
    seconds: 1_767_225_600,
    nanos: 123_456_789,
  });
});

Deno.test("what is no instant is undefined", () => {
  for (
    const text of ["", "soon", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "1e9"]
  ) assert.equal(parseInstant(text), undefined, text);
  assert.throws(() => formatInstant({ seconds: 1e12, nanos: 0 }), RangeError);
});

Deno.test("an instant that is written is read as the same", () => {
  const instants = fc.record({
    seconds: fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(instants, (instant) => {
    assert.deepEqual(parseInstant(formatInstant(instant)), instant);
  }));
});
