import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { ByteArrays } from "../parquet/byte_arrays.ts";
import { JoinedDictionary } from "./joined_dictionary.ts";

Deno.test("each string has one code, in order of first meeting, and stands in the page once", () => {
  const joined = new JoinedDictionary();
  const strings = fc.array(fc.string({ maxLength: 9 }), { maxLength: 80 });
  fc.assert(fc.property(strings, fc.nat(100), (texts, roomFor) => {
    joined.reset(roomFor); // the memory of the run before is used again
    const expected: string[] = [];
    for (const text of texts) {
      const bytes = new TextEncoder().encode(`..${text}.`);
      const view = new DataView(bytes.buffer);
      if (!expected.includes(text)) expected.push(text);
      assert.equal(joined.intern(bytes, view, 2, bytes.length - 1), expected.indexOf(text));
    }
    assert.equal(joined.length, expected.length);
    const page = new ByteArrays();
    const { strings } = joined;
    page.appendPlain(new ByteCursor(strings.written()), joined.length);
    assert.deepEqual(expected.map((_, code) => page.text(code)), expected);
    const out = new ByteWriter(1);
    for (const code of expected.keys()) joined.appendTo(out, code);
    assert.equal(new TextDecoder().decode(out.written()), expected.join(""));
  }));
});
