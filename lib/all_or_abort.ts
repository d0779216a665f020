// Works that stand and fall together.

/**
 * Waits for all of them. The first that fails aborts the signal of the others, which are waited for all the same;
 * then it is thrown.
 */
export async function allOrAbort(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const results = await Promise.allSettled(works.map((work) =>
    work(either).catch((error) => {
      failure.abort(error);
      throw error;
    })
  ));
  if (failure.signal.aborted) throw failure.signal.reason;
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
