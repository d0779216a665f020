import assert from "node:assert/strict";
import fc from "fast-check";
import { messagesOf } from "./grpc_answer.ts";
import { COMPRESSED_BYTES_MIN, framedMessage, GRPC_ENCODINGS } from "./grpc_encoding.ts";

Deno.test("messages go through a body as they were, however they are encoded and its bytes are cut", async () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc.nat({ max: 4 * COMPRESSED_BYTES_MIN }).map((size) => new Uint8Array(size).fill(size)),
  );
  const messages = fc.array(message, { maxLength: 6 });
  const encodings = fc.constantFrom(...GRPC_ENCODINGS);
  await fc.assert(
    fc.asyncProperty(messages, encodings, fc.integer({ min: 1, max: 3_000 }), async (
      messages,
      encoding,
      pieceBytes,
    ) => {
      const framed = await Promise.all(messages.map((one) => framedMessage(one, encoding)));
      const all = Uint8Array.from(framed.flatMap((one) => [...one]));
      const pieces = Array.from(
        { length: Math.ceil(all.length / pieceBytes) },
        (_, i) => all.slice(i * pieceBytes, (i + 1) * pieceBytes),
      );
      const response = new Response(ReadableStream.from(pieces), {
        headers: { "grpc-encoding": encoding },
      });
      const got: Uint8Array[] = [];
      for await (const one of messagesOf(response, 1 << 20)) got.push(one);
      assert.deepEqual(got, messages);
      for (const [i, { length }] of messages.entries()) {
        const isCompressed = encoding !== "identity" && length >= COMPRESSED_BYTES_MIN;
        assert.equal(framed[i]![0], isCompressed ? 1 : 0);
      }
    }),
    { numRuns: 60 },
  );
});
