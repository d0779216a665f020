// What the encodings wrote, the decodings read: for all values, all cuts.
import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { decodeDelta32, decodeDelta64, decodeRle } from "./decodings.ts";
import {
  bitWidth,
  encodeDelta,
  encodeDelta32,
  encodeDelta64,
  encodeDeltaWords,
  encodeRle,
  encodeSmall,
} from "./encodings.ts";

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

Deno.test("small values come back, eight at a time", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 4 }).chain((width) =>
      fc.tuple(fc.constant(width), runs(fc.integer({ min: 0, max: 2 ** width - 1 })), fc.nat(9))
    ),
    ([width, values, skipped]) => {
      const out = new ByteWriter();
      const from = Math.min(skipped, values.length);
      encodeSmall(out, Uint8Array.from(values), from, values.length, width);
      const back = new Uint8Array(values.length - from);
      decodeRle(new ByteCursor(out.written()), width, back, 0, back.length);
      assert.deepEqual([...back], values.slice(from));
    },
  ));
});

Deno.test("differences of words come back, near and far", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const near = fc.bigInt({ min: 1_767_268_800_000_000_000n, max: 1_767_268_900_000_000_000n });
  for (const value of [fc.oneof({ weight: 99, arbitrary: near }, int64), near, int64]) {
    fc.assert(fc.property(fc.array(value, { maxLength: 400 }), fc.nat(5), (values, skipped) => {
      const from = Math.min(skipped, values.length);
      const words = new Uint32Array(BigInt64Array.from(values).buffer);
      const out = new ByteWriter();
      encodeDeltaWords(out, words, from, values.length);
      const back = new BigInt64Array(values.length - from);
      decodeDelta64(
        new ByteCursor(out.written()),
        new Uint32Array(back.buffer),
        0,
        back.length,
      );
      assert.deepEqual([...back], values.slice(from));
    }));
  }
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
  for (const encode of [encodeDelta, encodeDelta32]) {
    fc.assert(fc.property(fc.array(fc.integer(), { maxLength: 300 }), (values) => {
      const out = new ByteWriter();
      encode(out, Int32Array.from(values), 0, values.length);
      const back = new Int32Array(values.length);
      decodeDelta32(new ByteCursor(out.written()), back, 0, values.length);
      assert.deepEqual([...back], values);
    }));
  }
});

Deno.test("natural 32-bit deltas are those of 64-bit integers too", () => {
  fc.assert(fc.property(fc.array(fc.nat(2 ** 30), { maxLength: 300 }), (values) => {
    const out = new ByteWriter();
    encodeDelta32(out, Int32Array.from(values), 0, values.length);
    const back = new BigInt64Array(values.length);
    decodeDelta64(new ByteCursor(out.written()), new Uint32Array(back.buffer), 0, back.length);
    assert.deepEqual([...back], values.map(BigInt));
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
