import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { ByteArrays } from "./byte_arrays.ts";

const encoder = new TextEncoder();
const texts = fc.array(
  fc.oneof(fc.constantFrom("", "a", "aa", "ab", "ключ"), fc.string({ maxLength: 12 })),
  { maxLength: 80 },
);

function plain(all: readonly string[]): Uint8Array {
  const out = new ByteWriter(16);
  for (const text of all) {
    const bytes = encoder.encode(text);
    out.u32(bytes.length);
    out.append(bytes);
  }
  return out.written().slice();
}

function arraysOf(all: readonly string[]): ByteArrays {
  const arrays = new ByteArrays();
  arrays.appendPlain(new ByteCursor(plain(all)), all.length);
  return arrays;
}

Deno.test("a string is found where it first stands, by looking and by index alike", () => {
  fc.assert(fc.property(texts, fc.string({ maxLength: 3 }), (all, other) => {
    const arrays = arraysOf(all);
    // The index is made after some rounds of plain looking.
    for (let round = 0; round < 6; round++) {
      for (const text of [...all, other]) assert.equal(arrays.indexOf(text), all.indexOf(text));
    }
  }));
});

Deno.test("strings read as they were written, a few or all, in ASCII or not", () => {
  for (const odd of ["", "é", "\uFEFF", "\u{1F600}"]) {
    const all = Array.from({ length: 200 }, (_, i) => `${i === 150 ? odd : ""}text ${i}`);
    const arrays = arraysOf(all);
    assert.deepEqual(all.map((_, i) => arrays.text(i)), all);
  }
});

Deno.test("distinct strings keep the order of first appearance, and codes their strings", () => {
  fc.assert(fc.property(texts, (all) => {
    const codes = Int32Array.from(all, (_, i) => i);
    const distinct = arraysOf(all).distinct(codes, codes.length);
    const unique = [...new Set(all)];
    assert.deepEqual(Array.from({ length: distinct.length }, (_, i) => distinct.text(i)), unique);
    assert.deepEqual([...codes].map((code) => distinct.text(code)), all);
  }));
});

Deno.test("what is appended to a copy is not in the original", () => {
  const original = arraysOf(["a", "b"]);
  const copy = original.copy();
  copy.appendParts(encoder.encode("cdd"), Int32Array.of(1, 2));
  assert.deepEqual([copy.length, copy.text(2), copy.text(3)], [4, "c", "dd"]);
  assert.equal(original.length, 2);
  assert.equal(original.indexOf("c"), -1);
});

Deno.test("strings that claim more bytes than there are, are refused", () => {
  const bytes = plain(["abc", "def"]);
  for (let size = 0; size < bytes.length; size++) {
    const cursor = new ByteCursor(bytes.subarray(0, size));
    assert.throws(() => new ByteArrays().appendPlain(cursor, 2), CorruptionError, `${size}`);
  }
});
