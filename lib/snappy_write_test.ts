import assert from "node:assert/strict";
import fc from "fast-check";
import { uncompressSync } from "snappy";
import { seededRandom } from "./random.ts";
import { snappyFrames } from "./snappy_frames.ts";
import { writeSnappyFrames } from "./snappy_write.ts";

const words = fc.array(fc.constantFrom("span ", "service ", "x", "aaaaaaaaaaaa", "\u0000\u0001"), {
  maxLength: 5_000,
}).map((words) => new TextEncoder().encode(words.join("")));
const noise = fc.uint8Array({ maxLength: 300 });

/** Of the first chunk, by the true library. */
function firstBlock(frames: Uint8Array): Uint8Array {
  const size = frames[11]! | frames[12]! << 8 | frames[13]! << 16;
  const body = frames.subarray(18, 14 + size);
  if (frames[10] === 1) return body;
  return new Uint8Array(uncompressSync(Buffer.from(body)) as Buffer);
}

Deno.test("what is written is read again, by us and by the true library", () => {
  fc.assert(fc.property(fc.oneof(words, noise), (bytes) => {
    const frames = writeSnappyFrames(bytes);
    assert.equal(Buffer.compare(snappyFrames(frames, 1 << 20), bytes), 0);
    if (bytes.length > 0 && bytes.length <= 65_536) assert.deepEqual(firstBlock(frames), bytes);
  }));
});

Deno.test("chunks end where they must, and every length of a literal and of a copy is written", () => {
  const random = seededRandom(5).fill(new Uint8Array(140_000));
  for (
    const length of [0, 1, 15, 16, 17, 60, 61, 62, 256, 257, 258, 65_535, 65_536, 65_537, 140_000]
  ) {
    for (const bytes of [random.subarray(0, length), new Uint8Array(length)]) {
      assert.equal(Buffer.compare(snappyFrames(writeSnappyFrames(bytes), 1 << 20), bytes), 0);
    }
  }
  const text = new TextEncoder().encode("GET /api/search?q=%7B%7D 200 ".repeat(4_000));
  assert.ok(writeSnappyFrames(text).length < text.length / 15, "repetition is compressed");
  assert.ok(writeSnappyFrames(random).length < random.length + 100, "noise is left as it is");
});
