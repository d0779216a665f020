// A quantile of counts by power of two. A bucket that is used up exactly gives its upper bound;
// otherwise the value lies between the bounds of it and of the bucket before that has something in it,
// as if values grew exponentially: so the peer does it, and so its users know it.

export interface BucketCount {
  /** Values are above 2^(bucket - 1) and at most 2^bucket. */
  readonly bucket: number;
  readonly count: number;
}

/** `buckets` ascending; 0 where nothing was counted. */
export function quantileOf(p: number, buckets: readonly BucketCount[]): number {
  let total = 0;
  for (const { count } of buckets) total += count;
  if (total === 0) return 0;
  let need = Math.max(1, Math.ceil(p * total));
  let below: number | undefined;
  for (const { bucket, count } of buckets) {
    if (count === 0) continue;
    if (need === count) return 2 ** bucket;
    below ??= bucket - 1;
    if (need < count) return 2 ** (below + (bucket - below) * (need / count));
    need -= count;
    below = bucket;
  }
  return 2 ** buckets.at(-1)!.bucket;
}
