// Figures from samples: percentiles, and quantiles of Prometheus histograms.

/** The smallest sample that at least the share `p` of all are not above; NaN of none. */
export function percentile(samples: readonly number[], p: number): number {
  if (samples.length === 0) return NaN;
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]!;
}

/** Cumulative counts by upper bound, ascending, the last bound infinite. */
export type Buckets = ReadonlyMap<number, number>;

/** The buckets of a histogram in Prometheus text, all its label sets together. */
export function bucketsOf(text: string, name: string): Buckets {
  const buckets = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const bound = /le="([^"]+)"/.exec(line)?.[1];
    const count = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (bound === undefined) continue;
    const upper = bound === "+Inf" ? Infinity : Number(bound);
    buckets.set(upper, (buckets.get(upper) ?? 0) + count);
  }
  return new Map([...buckets].sort(([a], [b]) => a - b));
}

/** What was observed between two readings. */
export function bucketsBetween(before: Buckets, after: Buckets): Buckets {
  return new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}

/** Within its bucket a quantile is taken as evenly spread, as Prometheus does; NaN of none. */
export function quantile(buckets: Buckets, q: number): number {
  const total = [...buckets.values()].at(-1) ?? 0;
  if (total === 0) return NaN;
  const rank = q * total;
  let lower = 0;
  let below = 0;
  for (const [upper, count] of buckets) {
    if (count >= rank && count > below) {
      return upper === Infinity
        ? lower
        : lower + (upper - lower) * (rank - below) / (count - below);
    }
    lower = upper;
    below = count;
  }
  return lower;
}

/** The upper bound of the highest bucket that something fell into; NaN of none. */
export function highest(buckets: Buckets): number {
  let found = NaN;
  let below = 0;
  for (const [upper, count] of buckets) {
    if (count > below) found = upper;
    below = count;
  }
  return found;
}
