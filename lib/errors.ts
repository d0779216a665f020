// The kinds of failure. Which kind an error is decides what happens next:
// a bug crashes its owner, bad input goes back to the caller, weather is retried, bad bytes are set
// aside. Stopping is `signal.reason` and passes through untouched.

/** What a caller did wrong; `api` and `distributor/receivers` alone map codes to statuses. */
export type InputCode =
  | "invalid_argument"
  | "unauthenticated"
  | "not_found"
  | "resource_exhausted"
  | "too_large"
  | "unprocessable"
  | "failed_precondition";

/** The caller's fault: never retried unchanged. */
export class InputError extends Error {
  override readonly name = "InputError";
  /** Set where a later try may pass, as for a rate limit. */
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: InputCode,
    message: string,
    options: ErrorOptions & { retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The world's fault: a disk is full, a peer is away. May be retried with backoff. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

/** It took too long. Not tried again: it would take as long. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** An object that is not there; what a store answers for a missing key. */
export class NotFoundError extends Error {
  override readonly name = "NotFoundError";
}

/** Bytes that cannot be what they claim to be. Never retried; the file is set aside and counted. */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
  column = "";
  page = -1;

  constructor(readonly reason: string, readonly offset: number, readonly path = "") {
    super(path === "" ? `${reason} at byte ${offset}` : `${path}: ${reason} at byte ${offset}`);
  }

  /** Decoders know only the offset in their buffer; whoever knows the column and page adds them. */
  blame(column: string, page: number): this {
    if (this.column !== "") return this;
    this.column = column;
    this.page = page;
    this.message = `${this.reason}: column ${column}, page ${page}, byte ${this.offset} of it`;
    return this;
  }
}

/**
 * Throws unless `condition`: for claims that bytes make about themselves. Not for inner loops if the
 * reason is put together: that happens even when all is well.
 */
export function check(condition: boolean, reason: string, offset: number): asserts condition {
  if (!condition) throw new CorruptionError(reason, offset);
}

/** For columns of one list that do not have the same number of owners. */
export function endsEarly(column: string, entry: number): CorruptionError {
  return new CorruptionError(`column ${column} ends early, entry ${entry}`, 0);
}
