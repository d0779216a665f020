// How a refused request is answered over HTTP: a status, and google.rpc.Status in the encoding of the
// request, with RetryInfo where a later try may pass.

import { type InputCode, InputError } from "../../lib/errors.ts";
import { GrpcCode, type GrpcStatus, grpcStatusOf, RETRY_INFO_TYPE } from "../../lib/grpc_status.ts";

export interface HttpStatus extends GrpcStatus {
  readonly httpStatus: number;
  readonly retryAfterMs?: number | undefined;
}

const BY_INPUT_CODE: Readonly<Record<InputCode, number>> = {
  invalid_argument: 400,
  not_found: 404,
  resource_exhausted: 429,
  too_large: 413,
  failed_precondition: 400,
  unprocessable: 422,
  unauthenticated: 401,
};

export function httpStatusOf(error: unknown, signal: AbortSignal): HttpStatus {
  if (error instanceof InputError) {
    const { code, retryAfterMs } = error;
    return { ...grpcStatusOf(error), httpStatus: BY_INPUT_CODE[code], retryAfterMs };
  }
  const status = grpcStatusOf(error);
  if (status.code === GrpcCode.Unavailable) return { ...status, httpStatus: 503 };
  if (!signal.aborted) return { ...status, httpStatus: 500 };
  return { code: GrpcCode.Cancelled, httpStatus: 499, message: "request cancelled" };
}

export function statusJson({ code, message, retryAfterMs }: HttpStatus): string {
  if (retryAfterMs === undefined) return JSON.stringify({ code, message });
  const retryInfo = { "@type": RETRY_INFO_TYPE, retryDelay: `${retryAfterMs / 1000}s` };
  return JSON.stringify({ code, message, details: [retryInfo] });
}
