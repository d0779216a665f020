// An error as plain data, for the way to another thread or process.
// Rule: an error keeps its kind, because the kind decides what the caller does.
import {
  CorruptionError,
  DeadlineError,
  InputError,
  NotFoundError,
  UnavailableError,
} from "./errors.ts";
import { InvariantError } from "./invariant.ts";

export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly offset: number | undefined;
}

export function fromError(thrown: unknown): ErrorData {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: error instanceof InputError ? error.code : undefined,
    retryAfterMs: error instanceof InputError ? error.retryAfterMs : undefined,
    offset: error instanceof CorruptionError ? error.offset : undefined,
  };
}

export function toError(data: ErrorData): Error {
  const error = ofKind(data);
  // That of bad bytes is put together from its parts, which did not all cross.
  if (error instanceof CorruptionError) error.message = data.message;
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}

function ofKind({ name, message, code, retryAfterMs, offset }: ErrorData): Error {
  switch (name) {
    case "InputError": {
      const options = retryAfterMs === undefined ? {} : { retryAfterMs };
      return new InputError(code as InputError["code"], message, options);
    }
    case "UnavailableError":
      return new UnavailableError(message);
    case "DeadlineError":
      return new DeadlineError(message);
    case "NotFoundError":
      return new NotFoundError(message);
    case "CorruptionError":
      return new CorruptionError(message, offset ?? 0);
    case "InvariantError":
      return new InvariantError(message);
    case "AbortError":
      return new DOMException(message, "AbortError");
    default:
      return new Error(message);
  }
}
