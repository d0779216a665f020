import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeHeaders, HpackDecoder, HpackError } from "./hpack.ts";
import { decodeHuffman } from "./hpack_huffman.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const fieldsOf = (decoder: HpackDecoder, text: string) =>
  Object.fromEntries(decoder.decode(hex(text)));

Deno.test("RFC 7541 C.3 and C.4: three requests, plain and Huffman coded", () => {
  const plain = [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ];
  const coded = [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ];
  const authority = { ":authority": "www.example.com" };
  const expected = [
    { ":method": "GET", ":scheme": "http", ":path": "/", ...authority },
    {
      ":method": "GET",
      ":scheme": "http",
      ":path": "/",
      ...authority,
      "cache-control": "no-cache",
    },
    {
      ":method": "GET",
      ":scheme": "https",
      ":path": "/index.html",
      ...authority,
      "custom-key": "custom-value",
    },
  ];
  for (const blocks of [plain, coded]) {
    const decoder = new HpackDecoder(1000);
    assert.deepEqual(blocks.map((block) => fieldsOf(decoder, block)), expected);
  }
});

Deno.test("RFC 7541 C.6.1: long Huffman codes", () => {
  const block = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 " +
    "2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
  assert.deepEqual(fieldsOf(new HpackDecoder(1000), block), {
    ":status": "302",
    "cache-control": "private",
    date: "Mon, 21 Oct 2013 20:13:21 GMT",
    location: "https://www.example.com",
  });
});

Deno.test("the table forgets its oldest entries", () => {
  const decoder = new HpackDecoder(10_000);
  const remember = (value: string) =>
    "40 01 61" + value.length.toString(16).padStart(2, "0") +
    new TextEncoder().encode(value).toHex();
  for (let i = 0; i < 100; i++) decoder.decode(hex(remember(`v${i}`.padEnd(60, "."))));
  // 4096 / (1 + 60 + 32) = 44 entries are kept.
  assert.equal(decoder.decode(hex("be")).get("a"), "v99".padEnd(60, "."));
  assert.equal(decoder.decode(Uint8Array.of(0x80 | 61 + 44)).get("a"), "v56".padEnd(60, "."));
  assert.throws(() => decoder.decode(Uint8Array.of(0x80 | 61 + 45)), HpackError);
  decoder.decode(hex("20")); // size 0 empties it
  assert.throws(() => decoder.decode(hex("be")), HpackError);
});

Deno.test("what the encoder writes, the decoder reads", () => {
  const text = () =>
    fc.string({
      unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)),
      maxLength: 300,
    });
  const headers = fc.dictionary(text().map((name) => "x" + name.toLowerCase()), text());
  fc.assert(fc.property(headers, (headers) => {
    const decoded = new HpackDecoder(1e6).decode(encodeHeaders(headers));
    assert.deepEqual(Object.fromEntries(decoded), { ...headers });
  }));
});

Deno.test("hostile blocks end in an HpackError, never in a hang", () => {
  assert.throws(
    () => new HpackDecoder(100).decode(encodeHeaders({ a: "b".repeat(100) })),
    HpackError,
  );
  for (const bad of ["80", "ff ff ff ff ff ff", "3f e2 1f", "40", "00 05 61", "00 81 ff 00"]) {
    assert.throws(() => new HpackDecoder(1000).decode(hex(bad)), HpackError, bad);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      new HpackDecoder(1000).decode(bytes);
    } catch (error) {
      assert.ok(error instanceof HpackError, String(error));
    }
  }));
});

Deno.test("padding longer than a byte, or not of ones, is no Huffman code", () => {
  assert.deepEqual(decodeHuffman(hex("1f")), Uint8Array.of(0x61)); // a, 111
  assert.equal(decodeHuffman(hex("18")), undefined);
  assert.equal(decodeHuffman(hex("1f ff")), undefined);
});
