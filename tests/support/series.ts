// Series as a collection hands them on, made up; and the message of remote writes, read by protobufjs.
import fc from "fast-check";
import protobuf from "protobufjs";

import type { Collection } from "../../generator/delivery/collection.ts";
import {
  type Buckets,
  type Exemplar,
  type Label,
  type NativeHistogram,
  type Point,
  type SeriesPoints,
  STALE,
} from "../../generator/series.ts";

/** With the prototype that plain objects have. */
function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

export const T0_MS = 1_767_268_800_000;

const text = fc.oneof(
  fc.constantFrom("a", "b", "\ufeffbom", "é"),
  fc.string({ unit: "grapheme", maxLength: 6 }),
);

export const labels: fc.Arbitrary<readonly Label[]> = fc.dictionary(
  fc.constantFrom("job", "le", "service", "span_name"),
  text,
).map((some): Label[] => [["__name__", "m"], ...Object.entries(some).sort()]);

const buckets: fc.Arbitrary<Buckets> = record({
  spans: fc.array(record({ offset: fc.integer({ min: -80, max: 80 }), length: fc.nat(5) }), {
    maxLength: 3,
  }),
  deltas: fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 5 }),
});

export const histogram: fc.Arbitrary<NativeHistogram> = record({
  schema: fc.integer({ min: -4, max: 8 }),
  count: fc.nat(),
  sum: fc.double({ noNaN: true }),
  zeroThreshold: fc.constant(2.938735877055719e-39),
  zeroCount: fc.nat(),
  positive: buckets,
  negative: buckets,
  isReset: fc.boolean(),
});

const value = fc.oneof(
  fc.nat(),
  fc.double({ noNaN: true }),
  fc.constantFrom(STALE, 0, -0, 2 ** 53 - 1, 2 ** 60, Infinity),
  histogram,
);

const exemplar: fc.Arbitrary<Exemplar> = record({
  labels: fc.array(fc.tuple(fc.constant("traceID"), text), { maxLength: 1 }),
  value: fc.double({ noNaN: true }),
  timeMs: fc.integer({ min: T0_MS - 60_000, max: T0_MS }),
});

/** Times are those of the collection, or some before. */
export const seriesPoints: fc.Arbitrary<SeriesPoints> = record({
  labels,
  points: fc.array(fc.tuple(fc.nat(60_000), value), { maxLength: 3 }).map((some) =>
    some.sort(([a], [b]) => b - a).map(([ageMs, value]): Point => ({
      timeMs: T0_MS - ageMs,
      value,
    }))
  ),
  exemplars: fc.array(exemplar, { maxLength: 2 }),
});

export const collection: fc.Arbitrary<Collection> = record({
  timeMs: fc.constant(T0_MS),
  nextOffsets: fc.dictionary(fc.constantFrom("0", "1", "7"), fc.nat()).map((some) =>
    new Map(Object.entries(some).map(([partition, offset]) => [Number(partition), offset]))
  ),
  series: fc.uniqueArray(seriesPoints, {
    selector: ({ labels }) => JSON.stringify(labels),
    maxLength: 6,
  }),
});

/** One counter with one value. */
export function counter(name: string, timeMs: number, value: number): SeriesPoints {
  return { labels: [["__name__", name]], points: [{ timeMs, value }], exemplars: [] };
}

const MESSAGES = protobuf.parse(
  `
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries {
    repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3;
    repeated Histogram histograms = 4;
  }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message Histogram {
    oneof count { uint64 count_int = 1; double count_float = 2; }
    double sum = 3; sint32 schema = 4; double zero_threshold = 5;
    oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
    repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9;
    repeated double negative_counts = 10;
    repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12;
    repeated double positive_counts = 13;
    enum ResetHint { UNKNOWN = 0; YES = 1; NO = 2; GAUGE = 3; }
    ResetHint reset_hint = 14; int64 timestamp = 15;
  }
  message BucketSpan { sint32 offset = 1; uint32 length = 2; }
`,
  { keepCase: true },
).root.lookupType("WriteRequest");

export interface WrittenSeries {
  readonly labels: Record<string, string>;
  readonly samples: readonly { value: number; timestamp: number }[];
  readonly exemplars: readonly {
    labels: Record<string, string>;
    value: number;
    timestamp: number;
  }[];
  // deno-lint-ignore no-explicit-any
  readonly histograms: readonly any[];
}

/** What a remote write holds, without its compression. */
export function writtenSeries(bytes: Uint8Array): WrittenSeries[] {
  // deno-lint-ignore no-explicit-any
  const { timeseries } = MESSAGES.toObject(MESSAGES.decode(bytes), {
    longs: Number,
    defaults: true,
  }) as any;
  // deno-lint-ignore no-explicit-any
  const named = (pairs: any[]) => Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
  // deno-lint-ignore no-explicit-any
  return timeseries.map((one: any) => ({
    ...one,
    labels: named(one.labels),
    // deno-lint-ignore no-explicit-any
    exemplars: one.exemplars.map((each: any) => ({ ...each, labels: named(each.labels) })),
  }));
}
