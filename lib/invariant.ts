// What must hold or else this program is wrong. The owner crashes on it and the log replays.

/** A violated invariant: a bug in this program, never bad input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** `message` begins with the id of the invariant, as in `BB-1: the committed offset only grows`. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
