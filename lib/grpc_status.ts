// How a gRPC call ends: code, message and details, and which kind of failure has which code.
//   google.rpc.Status { code = 1, message = 2, details = 3: Any { type_url = 1, value = 2 } }
//   google.rpc.RetryInfo { retry_delay = 1: Duration { seconds = 1, nanos = 2 } }
// Clients decide by it: without RetryInfo they drop what was refused as RESOURCE_EXHAUSTED.
// https://github.com/grpc/grpc/blob/master/doc/statuscodes.md

import { ByteWriter } from "./byte_writer.ts";
import { type InputCode, InputError, UnavailableError } from "./errors.ts";
import { encodeHeaders } from "./hpack.ts";
import { ProtobufMessage } from "./protobuf_message.ts";
import { ProtobufWriter } from "./protobuf_writer.ts";

export const GrpcCode = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;
export type GrpcCode = typeof GrpcCode[keyof typeof GrpcCode];

/** A google.protobuf.Any. */
export interface GrpcDetail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export interface GrpcStatus {
  readonly code: GrpcCode;
  readonly message: string;
  readonly details?: readonly GrpcDetail[];
  /** A fault of this program: worth a line in the log. */
  readonly isInternal?: boolean;
}

/** Ends a call with exactly this status; for methods whose contract names codes. */
export class GrpcError extends Error implements GrpcStatus {
  override readonly name = "GrpcError";
  constructor(
    readonly code: GrpcCode,
    message: string,
    readonly details: readonly GrpcDetail[] = [],
    options: ErrorOptions = {},
  ) {
    super(message, options);
  }
}

const BY_INPUT_CODE: Readonly<Record<InputCode, GrpcCode>> = {
  invalid_argument: GrpcCode.InvalidArgument,
  unprocessable: GrpcCode.InvalidArgument,
  not_found: GrpcCode.NotFound,
  resource_exhausted: GrpcCode.ResourceExhausted,
  too_large: GrpcCode.ResourceExhausted,
  failed_precondition: GrpcCode.FailedPrecondition,
  unauthenticated: GrpcCode.Unauthenticated,
};

export function grpcStatusOf(error: unknown): GrpcStatus {
  if (error instanceof GrpcError) return error;
  if (error instanceof InputError) {
    const { message, retryAfterMs } = error;
    const details = retryAfterMs === undefined ? [] : [retryInfo(retryAfterMs)];
    return { code: BY_INPUT_CODE[error.code], message, details };
  }
  if (error instanceof UnavailableError) {
    return { code: GrpcCode.Unavailable, message: error.message };
  }
  // What a bug has to say is for the log, not for clients.
  return { code: GrpcCode.Internal, message: "internal error", isInternal: true };
}

export const RETRY_INFO_TYPE = "type.googleapis.com/google.rpc.RetryInfo";

function retryInfo(retryAfterMs: number): GrpcDetail {
  const writer = new ProtobufWriter(new ByteWriter(32));
  writer.message(1, () => {
    writer.varint(1, Math.floor(retryAfterMs / 1000));
    writer.varint(2, retryAfterMs % 1000 * 1e6);
  });
  return { typeUrl: RETRY_INFO_TYPE, value: writer.bytes.copy() };
}

export function encodeStatus(
  { code, message, details = [] }: GrpcStatus,
): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter(new ByteWriter(message.length + 128));
  writer.varint(1, code);
  writer.text(2, message);
  for (const { typeUrl, value } of details) {
    writer.message(3, () => {
      writer.text(1, typeUrl);
      writer.binary(2, value);
    });
  }
  return writer.bytes.copy();
}

/** Of the header `grpc-status-details-bin`; none where it cannot be read. */
export function decodeDetails(header: string): GrpcDetail[] {
  try {
    const status = new ProtobufMessage(Uint8Array.fromBase64(header));
    return status.messages(3).map((detail) => ({
      typeUrl: detail.text(1),
      value: detail.bytes(2),
    }));
  } catch {
    return [];
  }
}

/** The fields that end a call, with what stands before them if nothing was sent yet. */
export function statusHeaders(
  status: GrpcStatus,
  before: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const { code, message, details = [] } = status;
  return encodeHeaders({
    ...before,
    "grpc-status": String(code),
    ...(message === "" ? {} : { "grpc-message": percentEncoded(message) }),
    ...(details.length === 0 ? {} : {
      "grpc-status-details-bin": encodeStatus(status).toBase64({ omitPadding: true }),
    }),
  });
}

/** Headers have a limit at the other side; a longer message would cost the whole status. */
const MESSAGE_CHARS_MAX = 4096;

/** Printable ASCII stays; `%` and all else is encoded byte by byte. */
function percentEncoded(message: string): string {
  const text = message.slice(0, MESSAGE_CHARS_MAX).toWellFormed();
  return encodeURIComponent(text).replaceAll(
    /%(2[0-46-9A-F]|[3-6][0-9A-F]|7[0-9A-E])/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}
