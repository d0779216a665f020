// A quantile of counts by power of two. A bucket that is used up exactly gives its upper bound;
// otherwise the value lies between the bounds of it and of the bucket before that has something in it,
// as if values grew exponentially: so the peer does it, and so its users know it.

/** `counts` of buckets, ascending: values are above 2^(bucket - 1) and at most 2^bucket. 0 of none. */
export function quantileOf(
  p: number,
  buckets: readonly number[],
  counts: Float64Array,
): number {
  let total = 0;
  for (let b = 0; b < counts.length; b++) total += counts[b]!;
  if (total === 0) return 0;
  let need = Math.max(1, Math.ceil(p * total));
  let below: number | undefined;
  for (let b = 0; b < counts.length; b++) {
    const count = counts[b]!;
    if (count === 0) continue;
    const bucket = buckets[b]!;
    if (need === count) return 2 ** bucket;
    below ??= bucket - 1;
    if (need < count) return 2 ** (below + (bucket - below) * (need / count));
    need -= count;
    below = bucket;
  }
  return 2 ** buckets.at(-1)!;
}
