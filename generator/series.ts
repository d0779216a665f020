// What a collection hands to whoever delivers it: series with the values they have at one moment.
// Rule: labels are sorted by name and hold `__name__`; a tenant's series never meet another tenant's.
// Source: the Prometheus remote-write 1.0 message (`prometheus.WriteRequest`) and its native histograms.

export type Label = readonly [name: string, value: string];

/** Exponential buckets of one side of zero, as Prometheus has them: spans of indices, counts as deltas. */
export interface Buckets {
  readonly spans: readonly { readonly offset: number; readonly length: number }[];
  readonly deltas: readonly number[];
}

export interface NativeHistogram {
  /** Growth of buckets: 2^(2^-schema); −4..8. */
  readonly schema: number;
  readonly count: number;
  readonly sum: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positive: Buckets;
  readonly negative: Buckets;
  /** It does not go on from the one before. */
  readonly isReset: boolean;
}

/** The value of a point that says that the series has ended. Nothing that is counted here is a NaN otherwise. */
export const STALE = Number.NaN;

export interface Point {
  readonly timeMs: number;
  /** STALE: the series has ended. */
  readonly value: number | NativeHistogram;
}

export interface Exemplar {
  readonly labels: readonly Label[];
  readonly value: number;
  readonly timeMs: number;
}

export interface SeriesPoints {
  readonly labels: readonly Label[];
  /** In order of time. */
  readonly points: readonly Point[];
  readonly exemplars: readonly Exemplar[];
}
