import assert from "node:assert/strict";
import { InputError } from "./errors.ts";
import { GrpcMessage } from "./grpc_message.ts";
import { seededRandom } from "./random.ts";

const noise = (size: number) => seededRandom(1).fill(new Uint8Array(size));

Deno.test("messages cut short or overlong are refused", () => {
  const message = (claimed: number, sent: number) => {
    const bytes = new Uint8Array(5 + sent);
    new DataView(bytes.buffer).setUint32(1, claimed);
    return bytes;
  };
  for (
    const [body, reason] of [
      [new Uint8Array(0), "message of 0 bytes ends after 0"],
      [new Uint8Array(3), "message of 0 bytes ends after 0"],
      [message(10, 9), "message of 10 bytes ends after 9"],
      [message(10, 11), "message goes on after its 10 bytes"],
      [message(1000_001, 1), "request body too large, the limit is 1000000 bytes"],
    ] as const
  ) {
    const grpcMessage = new GrpcMessage(1_000_000);
    assert.throws(() => {
      for (const byte of body) grpcMessage.add(Uint8Array.of(byte));
      grpcMessage.whole();
    }, (error: InputError) => error instanceof InputError && error.message === reason);
  }
});

Deno.test("a message comes together from any pieces", () => {
  const content = noise(3_000_000);
  const framed = new Uint8Array(5 + content.length);
  new DataView(framed.buffer).setUint32(1, content.length);
  framed.set(content, 5);
  for (const piece of [100_003, 1 << 20, framed.length]) {
    const message = new GrpcMessage(16 << 20);
    for (let at = 0; at < framed.length; at += piece) message.add(framed.subarray(at, at + piece));
    assert.equal(Buffer.compare(message.whole(), content), 0);
  }
});
