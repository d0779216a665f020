import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { isWholeZstd } from "./whole_zstd.ts";

const golden = Deno.readFileSync(
  new URL("../../tests/golden/tenant-index/index.pb.zst", import.meta.url),
);

Deno.test("zstd is whole only with all of its bytes and no others", () => {
  assert.equal(isWholeZstd(golden), true);
  for (let length = 0; length < golden.length; length++) {
    assert.equal(isWholeZstd(golden.subarray(0, length)), false, `${length} bytes`);
  }
  assert.equal(isWholeZstd(new Uint8Array([...golden, 0])), false);
  assert.equal(isWholeZstd(new TextEncoder().encode("{}, and so on")), false);
});

Deno.test("frames of many blocks, of several frames and with skippable ones are whole", () => {
  const noise = new Uint8Array(700_000).map((_, i) => (i * i) >>> 7);
  const long = zstdCompressSync(noise, {
    params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_compressionLevel]: 1 },
  });
  const skippable = new Uint8Array([0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
  const zeros = zstdCompressSync(new Uint8Array(300_000));
  const all = new Uint8Array([...long, ...skippable, ...zeros]);
  assert.equal(isWholeZstd(all), true);
  assert.equal(isWholeZstd(skippable), false, "nothing but what is skipped");
  for (
    const cut of [1, 5, zeros.length - 1, zeros.length + 2, zeros.length + skippable.length + 1]
  ) {
    assert.equal(isWholeZstd(all.subarray(0, all.length - cut)), false, `cut by ${cut}`);
  }
});

Deno.test("whatever is compressed is whole, and no beginning of it is", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(), (bytes, cut) => {
    const compressed = zstdCompressSync(bytes);
    assert.equal(isWholeZstd(compressed), true);
    assert.equal(isWholeZstd(compressed.subarray(0, cut % compressed.length)), false);
  }));
});
