// The id of a block is a function of what it was built from, so that a replay after a crash derives
// the same one and supersedes what is there instead of adding a twin.
// Version 5 UUID (RFC 9562) in a namespace of its own, over
//   tenant ‖ LE64 partition ‖ LE64 start offset ‖ LE64 sequence (from 1) ‖ identity of the log, if it has one
import { createHash } from "node:crypto";

const NAMESPACE = Uint8Array.fromHex("288409036eb54ffb888093a4fa98dbcb");
const encoder = new TextEncoder();

export function blockId(
  tenant: string,
  partition: number,
  startOffset: number,
  sequence: number,
  logIdentity: string,
): string {
  const numbers = new BigInt64Array([BigInt(partition), BigInt(startOffset), BigInt(sequence)]);
  const hash = createHash("sha1").update(NAMESPACE).update(encoder.encode(tenant))
    .update(new Uint8Array(numbers.buffer)).update(encoder.encode(logIdentity)).digest();
  const bytes = new Uint8Array(hash.subarray(0, 16));
  bytes[6] = bytes[6]! & 0x0f | 0x50;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  const hex = bytes.toHex();
  return [0, 8, 12, 16, 20].map((from, i, at) => hex.slice(from, at[i + 1])).join("-");
}
