import assert from "node:assert/strict";
import { UnavailableError } from "./errors.ts";
import { messagesOf, MessageTooLargeError } from "./grpc_answer.ts";
import { framedMessage } from "./grpc_encoding.ts";

async function read(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<number> {
  const headers = { "grpc-encoding": encoding };
  const response = new Response(bytes as Uint8Array<ArrayBuffer>, { headers });
  let count = 0;
  for await (const { length } of messagesOf(response, bytesMax)) count += length;
  return count;
}

Deno.test("an answer that is cut off, broken or too large is none", async () => {
  const snappy = await framedMessage(new Uint8Array(50_000), "snappy");
  assert.equal(await read(snappy, "snappy", 50_000), 50_000);
  await assert.rejects(read(snappy, "snappy", 49_999), MessageTooLargeError);
  await assert.rejects(read(snappy.subarray(0, -1), "snappy", 50_000), UnavailableError);
  await assert.rejects(read(snappy, "lz4", 50_000), /unsupported content encoding lz4/);
  await assert.rejects(read(snappy.with(30, 0xff), "snappy", 50_000), UnavailableError);
  const plain = await framedMessage(new Uint8Array(100), "identity");
  await assert.rejects(read(plain, "", 99), MessageTooLargeError);
});
