// Several streams of growing values as one stream of what each of them has told last.
// Rule: it begins when all have told something, and who reads slowly misses what is outdated.

export async function* lastOfEach<T>(streams: readonly AsyncIterable<T>[]): AsyncIterable<T[]> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const last = new Map<number, T>();
  let failure: { readonly error: unknown } | undefined;
  let open = iterators.length;
  let hasNews = false;
  let wake = () => {};
  const follow = async (iterator: AsyncIterator<T>, i: number) => {
    try {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        last.set(i, next.value);
        hasNews = true;
        wake();
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      open--;
      wake();
    }
  };
  iterators.forEach((iterator, i) => void follow(iterator, i));
  while (open > 0 || hasNews) {
    if (!hasNews) await new Promise<void>((resolve) => wake = resolve);
    if (failure !== undefined) throw failure.error;
    if (!hasNews) continue;
    hasNews = false;
    if (last.size < iterators.length) continue;
    yield [...iterators.keys()].map((i) => last.get(i)!);
  }
  if (failure !== undefined) throw failure.error;
}
