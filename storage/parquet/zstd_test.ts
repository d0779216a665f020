import assert from "node:assert/strict";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { CorruptionError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { areContextsKept, zstdCompress, zstdDecompress } from "./zstd.ts";

const optionsOf = (level: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: level } });

/** Of all sizes, some that shrink and some that do not. */
const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 5000 }),
  fc.nat(0xffffff).map((seed) => seededRandom(seed).fill(new Uint8Array(10_000 + seed % 90_000))),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 20_000 })).map(
    ([piece, times]) =>
      Uint8Array.from({ length: piece.length * times }, (_, i) => piece[i % piece.length]!),
  ),
);

Deno.test("contexts are kept in this runtime", () => {
  assert.equal(areContextsKept(), true);
});

Deno.test("a context that is used again gives the bytes of a new one, and takes them back", () => {
  fc.assert(fc.property(someBytes, fc.constantFrom(1 as const, 2 as const), (bytes, level) => {
    const packed = zstdCompress(bytes, level);
    // The one call at a time may put an empty frame at the end, which is lawful.
    const anew = new Uint8Array(zstdCompressSync(bytes, optionsOf(level)));
    assert.deepEqual(packed, anew.subarray(0, packed.length));
    assert.deepEqual(zstdDecompress(anew, bytes.length), bytes);
    assert.deepEqual(new Uint8Array(zstdDecompressSync(packed)), bytes);
    assert.deepEqual(zstdDecompress(packed, bytes.length), bytes);
  }));
});

Deno.test("whatever is wrong with a frame, it is corruption, and the next one is read all the same", () => {
  const good = new TextEncoder().encode("a page of a block ".repeat(50));
  const goodPacked = zstdCompress(good, 1);
  fc.assert(
    fc.property(someBytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, place, change) => {
      fc.pre(bytes.length > 0); // nothing at all is nothing, whatever it was packed in
      const packed = zstdCompress(bytes, 1);
      const at = place % packed.length;
      const flipped = packed.slice();
      flipped[at]! ^= change;
      const damaged = [
        () => zstdDecompress(packed.subarray(0, at), bytes.length),
        () => zstdDecompress(new Uint8Array([...packed, 0]), bytes.length),
        () => zstdDecompress(packed, bytes.length + 1),
        () => zstdDecompress(packed, bytes.length - 1),
      ];
      for (const read of damaged) {
        assert.throws(read, CorruptionError);
        assert.deepEqual(zstdDecompress(goodPacked, good.length), good);
      }
      // Not every flipped bit is seen by zstd: pages have checksums for that.
      try {
        zstdDecompress(flipped, bytes.length);
      } catch (error) {
        assert.ok(error instanceof CorruptionError);
      }
      assert.deepEqual(zstdDecompress(goodPacked, good.length), good);
    }),
    { numRuns: 300 },
  );
});
