import assert from "node:assert/strict";
import fc from "fast-check";
import { type ByteStream, closeQuietly, copyBytes } from "./byte_stream.ts";

/** Gives what it has in parts of some sizes, and takes no more than so much at a time. */
function stream(given: Uint8Array, sizes: readonly number[], takesMax: number) {
  const taken: number[] = [];
  let [at, turn] = [0, 0];
  const conn: ByteStream = {
    read(into) {
      if (at === given.length) return Promise.resolve(null);
      const part = given.subarray(at, at + Math.min(into.length, sizes[turn++ % sizes.length]!));
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
    write(bytes) {
      const part = bytes.subarray(0, takesMax);
      taken.push(...part);
      return Promise.resolve(part.length);
    },
    closeWrite: () => Promise.resolve(),
    close() {
      throw new Error("closed already");
    },
  };
  return { conn, taken };
}

Deno.test("all bytes are copied in their order, however they come and however few are taken", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  const any = fc.asyncProperty(
    fc.uint8Array({ maxLength: 100 }),
    sizes,
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 20 }),
    async (bytes, sizes, takesMax, bufferBytes) => {
      const source = stream(bytes, sizes, 1);
      const sink = stream(bytes, sizes, takesMax);
      await copyBytes(source.conn, sink.conn, bufferBytes);
      assert.deepEqual(sink.taken, [...bytes]);
    },
  );
  await fc.assert(any);
});

Deno.test("what is closed already is closed again in silence", () => {
  closeQuietly(stream(new Uint8Array(), [1], 1).conn);
});
