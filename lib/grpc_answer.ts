// What comes back of a gRPC call, as messages: an answer's bytes, cut where its prefixes say and decompressed.
// Rule: a message has a largest size, compressed and not; an answer that ends within one is no answer.
import { decompressBody } from "./decompress_body.ts";
import { InputError, UnavailableError } from "./errors.ts";
import { PREFIX_BYTES } from "./grpc_encoding.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";

/** By a bound of our own: it would be as large the next time. */
export class MessageTooLargeError extends GrpcError {
  constructor(message: string) {
    super(GrpcCode.ResourceExhausted, message);
  }
}

/** Bytes of a body as messages; UnavailableError if it ends within one. */
export async function* messagesOf(
  response: Response,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const encoding = response.headers.get("grpc-encoding") ?? "";
  let held = new Uint8Array(0);
  let length = 0;
  for await (const part of response.body ?? []) {
    if (length + part.length > held.length) {
      const wanted = length < PREFIX_BYTES ? 0 : PREFIX_BYTES + sizeIn(held);
      const grown = new Uint8Array(Math.max(length + part.length, Math.min(wanted, 4 * length)));
      grown.set(held.subarray(0, length));
      held = grown;
    }
    held.set(part, length);
    length += part.length;
    let at = 0;
    while (length - at >= PREFIX_BYTES) {
      const size = sizeIn(held.subarray(at));
      if (size > bytesMax) {
        throw tooLarge(bytesMax);
      }
      if (length - at < PREFIX_BYTES + size) break;
      const message = held.slice(at + PREFIX_BYTES, at + PREFIX_BYTES + size);
      yield held[at] === 0 ? message : decompressed(message, encoding, bytesMax);
      at += PREFIX_BYTES + size;
    }
    if (at === 0) continue;
    held = held.slice(at, length);
    length = held.length;
  }
  if (length > 0) throw new UnavailableError("an answer that is not whole");
}

const sizeIn = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);

function decompressed(message: Uint8Array, encoding: string, bytesMax: number): Uint8Array {
  try {
    // Not node's kind of bytes, of which a slice is no copy.
    const { buffer, byteOffset, length } = decompressBody(message, encoding, bytesMax);
    return new Uint8Array(buffer, byteOffset, length);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (error.code === "too_large") throw tooLarge(bytesMax);
    throw new UnavailableError(`an answer that cannot be read: ${error.message}`, { cause: error });
  }
}

const tooLarge = (bytesMax: number) =>
  new MessageTooLargeError(`an answer of more than ${bytesMax} bytes`);
