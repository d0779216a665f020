import assert from "node:assert/strict";
import fc from "fast-check";
import { packets, type Put } from "./packets.ts";

const put = (field: number, bytes: Uint8Array): Put => (out) => out.binary(field, bytes);
const common = put(2, Uint8Array.of(9));

Deno.test("there is always a message, with what is in each", () => {
  assert.deepEqual([...packets([], common, 1000)], [Uint8Array.of(0x12, 1, 9)]);
});

Deno.test("items are told once each, in order, and no message is larger than it may be", () => {
  const items = fc.array(fc.uint8Array({ maxLength: 60 }));
  fc.assert(fc.property(items, fc.integer({ min: 1, max: 200 }), (items, bytesMax) => {
    const messages = [...packets(items.map((item) => put(1, item)), common, bytesMax)];
    const told: number[][] = [];
    for (const message of messages) {
      let count = 0;
      for (let at = 0; at < message.length; at += 2 + message[at + 1]!) {
        if (message[at] !== 0x0a) continue;
        told.push([...message.subarray(at + 2, at + 2 + message[at + 1]!)]);
        count++;
      }
      assert.deepEqual(message.slice(-3), Uint8Array.of(0x12, 1, 9));
      assert.ok(message.length <= bytesMax || count <= 1);
    }
    assert.deepEqual(told, items.map((item) => [...item]));
    // None is sent in two where one would do.
    const total = items.reduce((sum, { length }) => sum + length + 2, 3);
    if (total <= bytesMax) assert.equal(messages.length, 1);
  }));
});
