// What the encodings wrote, the decodings read: for all values, all cuts.
import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { decodeDelta32, decodeDelta64, decodeRle } from "./decodings.ts";
import { bitWidth, encodeDelta, encodeDelta64, encodeRle } from "./encodings.ts";

const runs = <T>(value: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(value, fc.integer({ min: 1, max: 40 })), { maxLength: 60 })
    .map((pairs) => pairs.flatMap(([v, n]) => Array<T>(n).fill(v)));

Deno.test("run lengths come back, at every width", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 30 }).chain((width) =>
      runs(fc.integer({ min: 0, max: 2 ** width - 1 }))
    ),
    (values) => {
      const width = bitWidth(Math.max(1, ...values));
      const out = new ByteWriter();
      encodeRle(out, Int32Array.from(values), 0, values.length, width);
      const back = new Int32Array(values.length);
      decodeRle(new ByteCursor(out.written()), width, back, 0, values.length);
      assert.deepEqual([...back], values);
    },
  ));
});

Deno.test("64-bit deltas come back, whatever the differences", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(
      fc.array(fc.oneof(int64, fc.constantFrom(0n, 1n, -1n)), { maxLength: 300 }),
      (values) => {
        const out = new ByteWriter();
        encodeDelta64(out, BigInt64Array.from(values));
        const back = new BigInt64Array(values.length);
        decodeDelta64(
          new ByteCursor(out.written()),
          new Uint32Array(back.buffer),
          0,
          values.length,
        );
        assert.deepEqual([...back], values);
      },
    ),
  );
});

Deno.test("32-bit deltas come back", () => {
  fc.assert(fc.property(fc.array(fc.integer(), { maxLength: 300 }), (values) => {
    const out = new ByteWriter();
    encodeDelta(out, Int32Array.from(values), 0, values.length);
    const back = new Int32Array(values.length);
    decodeDelta32(new ByteCursor(out.written()), back, 0, values.length);
    assert.deepEqual([...back], values);
  }));
});

Deno.test("any bytes are values or a CorruptionError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(500), (bytes, count) => {
      for (
        const decode of [
          () => decodeRle(new ByteCursor(bytes), 5, new Int32Array(count), 0, count),
          () => decodeDelta32(new ByteCursor(bytes), new Int32Array(count), 0, count),
          () => decodeDelta64(new ByteCursor(bytes), new Uint32Array(count * 2), 0, count),
        ]
      ) {
        try {
          decode();
        } catch (error) {
          assert.ok(error instanceof CorruptionError, String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});
