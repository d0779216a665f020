import assert from "node:assert/strict";
import fc from "fast-check";
import { compressSync } from "snappy";
import { decompressBody } from "./decompress_body.ts";
import { InputError } from "./errors.ts";
import { snappyFrames } from "./snappy_frames.ts";

const START = Uint8Array.of(0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59);

/** CRC-32C bit by bit, masked as the format says. */
function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

function chunk(type: number, bytes: Uint8Array): Uint8Array {
  const body = type === 0 ? new Uint8Array(compressSync(bytes as Uint8Array<ArrayBuffer>)) : bytes;
  const out = new Uint8Array(8 + body.length);
  const size = body.length + 4;
  out.set([type, size & 255, size >>> 8 & 255, size >>> 16]);
  new DataView(out.buffer).setUint32(4, checksum(bytes), true);
  out.set(body, 8);
  return out;
}

const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

function framed(bytes: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [START];
  for (let at = 0; at < bytes.length; at += 65_536) {
    chunks.push(chunk(at % 131_072 === 0 ? 0 : 1, bytes.subarray(at, at + 65_536)));
  }
  return joined(...chunks);
}

Deno.test("frames hold what a true compressor put into them", () => {
  const text = fc.array(fc.constantFrom("span ", "service ", "status ", "x"), { maxLength: 3_000 })
    .map((words) => new TextEncoder().encode(words.join("")));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), text);
  fc.assert(fc.property(bytes, (bytes) => {
    assert.deepEqual(snappyFrames(framed(bytes), 1 << 20), bytes);
  }));
  const large = Uint8Array.from({ length: 200_000 }, (_, i) => i * i >>> 7);
  assert.deepEqual(snappyFrames(framed(large), 1 << 20), large);
});

Deno.test("the checksum of the format's own example", () => {
  const digits = new TextEncoder().encode("123456789"); // CRC-32C e3069283
  const expected = ((0xe3069283 >>> 15 | 0xe3069283 << 17) + 0xa282ead8) >>> 0;
  assert.equal(checksum(digits), expected);
  assert.deepEqual(snappyFrames(joined(START, chunk(1, digits)), 100), digits);
});

Deno.test("what is unknown is passed over or refused, as its type says; damage is told", () => {
  const word = new TextEncoder().encode("word");
  const padding = Uint8Array.of(0xfe, 2, 0, 0, 9, 9);
  assert.deepEqual(snappyFrames(joined(START, padding, chunk(0, word), START), 100), word);
  const whole = joined(START, chunk(0, word));
  const bad = [
    word,
    joined(START, Uint8Array.of(0x02, 0, 0, 0)),
    whole.subarray(0, -1),
    joined(START, Uint8Array.of(0, 2, 0, 0, 1, 1)),
    whole.with(14, whole[14]! ^ 1),
    whole.with(whole.length - 1, 0),
  ];
  for (const bytes of bad) assert.throws(() => snappyFrames(bytes, 100), RangeError);
});

Deno.test("no more comes out than may, and any bytes are an answer or a RangeError", () => {
  const large = framed(new Uint8Array(300_000));
  assert.throws(() => decompressBody(large, "snappy", 100_000), (error) => {
    return error instanceof InputError && error.code === "too_large";
  });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
    for (const bytes of [joined(START, noise), joined(START, Uint8Array.of(0, 30, 0, 0), noise)]) {
      try {
        assert.ok(snappyFrames(bytes, 1_000).length <= 1_000);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }
  }));
});
