// Two questions asked in the same turn, the first one first.
// Rule: neither is left running when the other has failed.

/** Both results; the first failure stops the other, and is thrown when both have come to rest. */
export async function bothOrFailure<A, B>(
  signal: AbortSignal,
  askFirst: (signal: AbortSignal) => Promise<A>,
  askSecond: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  signal.throwIfAborted();
  const failure = new AbortController();
  const inner = AbortSignal.any([signal, failure.signal]);
  const watched = async <T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
    try {
      return await ask(inner);
    } catch (error) {
      failure.abort(error); // the first one counts
      return undefined;
    }
  };
  const [first, second] = await Promise.all([watched(askFirst), watched(askSecond)]);
  inner.throwIfAborted();
  return [first as A, second as B];
}
