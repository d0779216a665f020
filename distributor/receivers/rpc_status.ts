// How a failed request is answered: google.rpc.Status, with RetryInfo where a later try may pass.
// Clients decide by it: without RetryInfo they drop what was refused as RESOURCE_EXHAUSTED.
//   Status { code = 1, message = 2, details = 3: Any { type_url = 1, value = 2 } }
//   RetryInfo { retry_delay = 1: Duration { seconds = 1, nanos = 2 } }

import { ByteWriter } from "../../lib/byte_writer.ts";
import { type InputCode, InputError, UnavailableError } from "../../lib/errors.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";

export interface RpcStatus {
  /** A gRPC code. */
  readonly code: number;
  readonly httpStatus: number;
  readonly message: string;
  readonly retryAfterMs?: number;
  /** A fault of this program: worth a line in the log. */
  readonly isInternal?: boolean;
}

const GRPC_CANCELLED = 1;
const GRPC_INTERNAL = 13;
export const GRPC_UNIMPLEMENTED = 12;
export const GRPC_UNAVAILABLE = 14;

const BY_INPUT_CODE: Readonly<Record<InputCode, { code: number; httpStatus: number }>> = {
  invalid_argument: { code: 3, httpStatus: 400 },
  not_found: { code: 5, httpStatus: 404 },
  resource_exhausted: { code: 8, httpStatus: 429 },
  too_large: { code: 8, httpStatus: 413 },
  failed_precondition: { code: 9, httpStatus: 400 },
  unprocessable: { code: 3, httpStatus: 422 },
  unauthenticated: { code: 16, httpStatus: 401 },
};

export function statusOf(error: unknown, signal: AbortSignal): RpcStatus {
  if (error instanceof InputError) {
    const { message, retryAfterMs } = error;
    const { code, httpStatus } = BY_INPUT_CODE[error.code];
    return { code, httpStatus, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  if (error instanceof UnavailableError) {
    return { code: GRPC_UNAVAILABLE, httpStatus: 503, message: error.message };
  }
  if (signal.aborted) {
    return { code: GRPC_CANCELLED, httpStatus: 499, message: "request cancelled" };
  }
  // What a bug has to say is for the log, not for clients.
  return { code: GRPC_INTERNAL, httpStatus: 500, message: "internal error", isInternal: true };
}

const RETRY_INFO_TYPE = "type.googleapis.com/google.rpc.RetryInfo";

export function encodeStatus(
  { code, message, retryAfterMs }: Omit<RpcStatus, "httpStatus">,
): Uint8Array<ArrayBuffer> {
  const bytes = new ByteWriter(message.length + 128);
  const writer = new ProtobufWriter(bytes);
  writer.varint(1, code);
  writer.text(2, message);
  if (retryAfterMs !== undefined) {
    writer.message(3, () => {
      writer.text(1, RETRY_INFO_TYPE);
      writer.message(2, () =>
        writer.message(1, () => {
          writer.varint(1, Math.floor(retryAfterMs / 1000));
          writer.varint(2, retryAfterMs % 1000 * 1e6);
        }));
    });
  }
  return bytes.copy();
}

export function statusJson({ code, message, retryAfterMs }: RpcStatus): string {
  if (retryAfterMs === undefined) return JSON.stringify({ code, message });
  const retryInfo = { "@type": RETRY_INFO_TYPE, retryDelay: `${retryAfterMs / 1000}s` };
  return JSON.stringify({ code, message, details: [retryInfo] });
}
