// The message of a unary gRPC call, put together from pieces of the stream.
//   compressed u8 │ length u32, big-endian │ message
// Its buffer grows with what arrives: a claimed length alone costs nothing.

import { InputError } from "./errors.ts";
import { tooLarge } from "./decompress_body.ts";
import { PREFIX_BYTES } from "./grpc_encoding.ts";

const FIRST_BUFFER_BYTES = 1 << 20;

export class GrpcMessage {
  readonly #bytesMax: number;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixLength = 0;
  #size = 0;
  #length = 0;
  #bytes = new Uint8Array(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isCompressed(): boolean {
    return this.#prefix[0] !== 0;
  }

  /** Throws InputError as soon as the message cannot be taken. */
  add(bytes: Uint8Array): void {
    const rest = this.#prefixLength < PREFIX_BYTES ? this.#addPrefix(bytes) : bytes;
    if (rest.length === 0) return;
    const end = this.#length + rest.length;
    if (end > this.#size) {
      throw new InputError("invalid_argument", `message goes on after its ${this.#size} bytes`);
    }
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(rest, this.#length);
    this.#length = end;
  }

  whole(): Uint8Array {
    if (this.#prefixLength < PREFIX_BYTES || this.#length < this.#size) {
      throw new InputError(
        "invalid_argument",
        `message of ${this.#size} bytes ends after ${this.#length}`,
      );
    }
    return this.#bytes.subarray(0, this.#size);
  }

  /** Returns what follows the prefix. */
  #addPrefix(bytes: Uint8Array): Uint8Array {
    const part = bytes.subarray(0, PREFIX_BYTES - this.#prefixLength);
    this.#prefix.set(part, this.#prefixLength);
    this.#prefixLength += part.length;
    if (this.#prefixLength === PREFIX_BYTES) {
      this.#size = new DataView(this.#prefix.buffer).getUint32(1);
      if (this.#size > this.#bytesMax) throw tooLarge(this.#bytesMax);
      this.#bytes = new Uint8Array(Math.min(this.#size, FIRST_BUFFER_BYTES));
    }
    return bytes.subarray(part.length);
  }

  #grow(lengthMin: number): void {
    const larger = new Uint8Array(
      Math.min(this.#size, Math.max(lengthMin, this.#bytes.length * 4)),
    );
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
