// From kinds of failure to answers: the one table of the query API. Bodies are plain text.
import {
  CorruptionError,
  DeadlineError,
  type InputCode,
  InputError,
  UnavailableError,
} from "../lib/errors.ts";

const STATUS_OF: Readonly<Record<InputCode, number>> = {
  invalid_argument: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  not_found: 404,
  too_large: 413,
  unprocessable: 422,
  resource_exhausted: 429,
};

/** The client went away; nobody reads this answer, but the metrics count it. */
export const CLIENT_CLOSED_REQUEST = 499;

export function statusOf(error: unknown, signal: AbortSignal): number {
  if (error instanceof InputError) return STATUS_OF[error.code];
  if (error instanceof UnavailableError) return 503;
  if (error instanceof DeadlineError) return 504;
  // A corrupt block is our fault even if the client has gone.
  if (error instanceof CorruptionError) return 500;
  return signal.aborted ? CLIENT_CLOSED_REQUEST : 500;
}

export function errorResponse(error: unknown, status: number): Response {
  const headers = new Headers({ "Content-Type": TEXT });
  if (error instanceof InputError && error.retryAfterMs !== undefined) {
    headers.set("Retry-After", String(Math.ceil(error.retryAfterMs / 1000)));
  }
  const text = error instanceof Error ? error.message : String(error);
  return new Response(status === CLIENT_CLOSED_REQUEST ? "" : text, { status, headers });
}

export const TEXT = "text/plain; charset=utf-8";

/** What an unknown path is answered. */
export function notFound(): Response {
  return new Response("404 page not found\n", {
    status: 404,
    headers: { "Content-Type": TEXT, "X-Content-Type-Options": "nosniff" },
  });
}

export function methodNotAllowed(): Response {
  return new Response("Method Not Allowed\n", { status: 405, headers: { "Content-Type": TEXT } });
}
