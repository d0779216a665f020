// A message of gRPC on its way out: its prefix, and compressed where that pays.
//   compressed u8 │ length u32, big-endian │ message
// Both sides write it: servers answer in the encoding that they were asked in, clients ask in the one they were told.
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { writeSnappyFrames } from "./snappy_write.ts";

export const GRPC_ENCODINGS = ["identity", "gzip", "snappy"] as const;

export type GrpcEncoding = typeof GRPC_ENCODINGS[number];

/** Smaller messages hardly get smaller. */
export const COMPRESSED_BYTES_MIN = 1024;
/** Of a message, before it. */
export const PREFIX_BYTES = 5;

const zip = promisify(gzip) as (
  bytes: Uint8Array,
  options: { level: number },
) => Promise<Uint8Array>;

/** At once if nothing has to be waited for: a promise a message would cost small ones more than they do. */
export function framedMessage(
  message: Uint8Array,
  encoding: GrpcEncoding,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  if (encoding === "identity" || message.length < COMPRESSED_BYTES_MIN) return framed(message, 0);
  if (encoding === "snappy") return framed(writeSnappyFrames(message), 1);
  return zip(message, { level: 1 }).then((zipped) => framed(zipped, 1));
}

function framed(message: Uint8Array, flag: 0 | 1): Uint8Array<ArrayBuffer> {
  const { length } = message;
  const framed = new Uint8Array(PREFIX_BYTES + length);
  framed[0] = flag;
  framed[1] = length >>> 24;
  framed[2] = length >>> 16;
  framed[3] = length >>> 8;
  framed[4] = length;
  framed.set(message, PREFIX_BYTES);
  return framed;
}
