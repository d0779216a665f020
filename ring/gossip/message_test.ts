import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptionError } from "../../lib/errors.ts";
import { decodeMessage, encodeMessage, type Message } from "./message.ts";

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const words = fc.array(word, { maxLength: 8 }).map((list) => Uint32Array.from(list));
// With the prototypes that the decoder's objects have, for they are compared strictly.
const plain = { noNullPrototype: true };
const someMessage: fc.Arbitrary<Message> = fc.record({
  from: fc.string({ unit: "grapheme" }),
  hash: fc.tuple(word, word),
  beats: fc.array(fc.nat(2 ** 31)),
  rumors: fc.array(fc.record({
    id: fc.string(),
    entry: fc.record({
      timestampMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      rank: fc.nat(255),
      value: fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue(), { maxKeys: 3 })
        .map((value) => JSON.stringify(value)),
    }, plain),
    beat: fc.nat(2 ** 31),
  }, plain)),
  digest: fc.option(words, { nil: undefined }),
  wanted: words,
}, plain);

Deno.test("a message is read as it was written", () => {
  fc.assert(fc.property(someMessage, (message) => {
    assert.deepEqual(decodeMessage(encodeMessage(message)), message);
  }));
});

Deno.test("a message with any byte changed or cut short is one, or is refused; never a hang", () => {
  fc.assert(fc.property(someMessage, fc.nat(), fc.nat(255), (message, at, value) => {
    const bytes = encodeMessage(message);
    const changed = bytes.slice();
    changed[at % bytes.length] = value;
    for (const damaged of [changed, bytes.subarray(0, at % bytes.length)]) {
      try {
        decodeMessage(damaged);
      } catch (error) {
        assert.ok(error instanceof CorruptionError, String(error));
      }
    }
  }));
});

Deno.test("an entry whose value is no JSON object is refused, and a tombstone has none", () => {
  const entry = (rank: number, value: string): Message => ({
    from: "a",
    hash: [0, 0],
    beats: [],
    rumors: [{ id: "i/x/y", entry: { timestampMs: 1, rank, value }, beat: 0 }],
    digest: undefined,
    wanted: new Uint32Array(0),
  });
  for (const value of ["", "{", "[]", "null", "7"]) {
    assert.throws(() => decodeMessage(encodeMessage(entry(1, value))), CorruptionError, value);
  }
  decodeMessage(encodeMessage(entry(1, "{}")));
  decodeMessage(encodeMessage(entry(255, "29454480")));
});

Deno.test("heartbeats of a thousand members take a byte each", () => {
  const beats = Array.from({ length: 1000 }, (_, i) => 1_767_268_800 + i % 60);
  const hash = [1, 2] as const;
  const wanted = new Uint32Array(0);
  const bytes = encodeMessage({ from: "a", hash, beats, rumors: [], digest: undefined, wanted });
  assert.ok(bytes.length < 1040, `${bytes.length} bytes`);
});
