// The bytes of a collection in a segment of the delivery log. Strings and series are written once a segment and known
// by number from then on, so a segment is read from its beginning and needs no other.
// Bytes: docs/formats/generator-wal.md
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { check } from "../../lib/errors.ts";
import {
  type Buckets,
  type Exemplar,
  type Label,
  type NativeHistogram,
  type Point,
  type SeriesPoints,
  STALE,
} from "../series.ts";
import type { Collection } from "./collection.ts";
import type { SeriesIndex } from "./series_index.ts";

const FLOAT = 0;
const WHOLE = 1;
const STALE_POINT = 2;
const HISTOGRAM = 3;
const RESET_HISTOGRAM = 4;

const NO_EXEMPLARS: readonly Exemplar[] = [];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Of one segment. When a collection does not reach the disk, the segment has to end: the next would not be understood. */
export class CollectionEncoder {
  readonly #symbols = new Map<string, number>();
  readonly #newSymbols: string[] = [];
  #seriesCount = 0;

  constructor(readonly index: SeriesIndex) {}

  encode({ timeMs, nextOffsets, series }: Collection): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter(1 << 14);
    out.varint(timeMs);
    out.varint(nextOffsets.size);
    for (const [partition, nextOffset] of nextOffsets) {
      out.varint(partition);
      out.varint(nextOffset);
    }
    this.#define(series, out);
    out.varint(series.length);
    for (const { labels, points, exemplars } of series) {
      out.varint(this.index.of(labels).number);
      out.varint(points.length);
      for (const point of points) writePoint(out, point, timeMs);
      out.varint(exemplars.length);
      for (const exemplar of exemplars) writeExemplar(out, exemplar, timeMs);
    }
    return out.written();
  }

  /** Strings and series that this segment has not seen. */
  #define(series: readonly SeriesPoints[], out: ByteWriter): void {
    const first = this.#seriesCount;
    const created: number[][] = [];
    for (const { labels } of series) {
      const entry = this.index.of(labels);
      if (entry.segment === this) continue;
      entry.segment = this;
      entry.number = this.#seriesCount++;
      created.push(labels.flatMap(([name, value]) => [this.#symbol(name), this.#symbol(value)]));
    }
    out.varint(this.#newSymbols.length);
    for (const symbol of this.#newSymbols) writeText(out, symbol);
    this.#newSymbols.length = 0;
    out.varint(first);
    out.varint(created.length);
    for (const symbols of created) {
      out.varint(symbols.length / 2);
      for (const symbol of symbols) out.varint(symbol);
    }
  }

  #symbol(text: string): number {
    let symbol = this.#symbols.get(text);
    if (symbol === undefined) {
      symbol = this.#symbols.size;
      this.#symbols.set(text, symbol);
      this.#newSymbols.push(text);
    }
    return symbol;
  }
}

/** Of one segment, fed with all its collections in order. Throws CorruptionError. */
export class CollectionDecoder {
  readonly #symbols: string[] = [];
  readonly #series: (readonly Label[])[] = [];

  decode(bytes: Uint8Array): Collection {
    const from = new ByteCursor(bytes);
    const timeMs = from.varint();
    const nextOffsets = new Map<number, number>();
    for (let left = countOf(from); left > 0; left--) nextOffsets.set(from.varint(), from.varint());
    for (let left = countOf(from); left > 0; left--) this.#symbols.push(readText(from));
    check(
      from.varint() === this.#series.length,
      "a collection before this one is missing",
      from.at,
    );
    for (let left = countOf(from); left > 0; left--) this.#series.push(this.#labels(from));
    const series: SeriesPoints[] = [];
    for (let left = countOf(from); left > 0; left--) series.push(this.#points(from, timeMs));
    check(from.at === from.end, "bytes behind a collection", from.at);
    return { timeMs, nextOffsets, series };
  }

  #labels(from: ByteCursor): Label[] {
    return Array.from({ length: countOf(from) }, () => [this.#symbol(from), this.#symbol(from)]);
  }

  #symbol(from: ByteCursor): string {
    const symbol = this.#symbols[from.varint()];
    check(symbol !== undefined, "no such string", from.at);
    return symbol;
  }

  #points(from: ByteCursor, timeMs: number): SeriesPoints {
    const labels = this.#series[from.varint()];
    check(labels !== undefined, "no such series", from.at);
    const points: Point[] = []; // loops: there are as many as series
    for (let left = countOf(from); left > 0; left--) points.push(readPoint(from, timeMs));
    let exemplars = NO_EXEMPLARS;
    const exemplarCount = countOf(from);
    if (exemplarCount > 0) {
      exemplars = Array.from({ length: exemplarCount }, () => readExemplar(from, timeMs));
    }
    return { labels, points, exemplars };
  }
}

function writePoint(out: ByteWriter, { timeMs, value }: Point, collectedMs: number): void {
  out.zigzag(timeMs - collectedMs);
  if (typeof value !== "number") {
    out.u8(value.isReset ? RESET_HISTOGRAM : HISTOGRAM);
    writeHistogram(out, value);
  } else if (Number.isNaN(value)) out.u8(STALE_POINT);
  else if (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
    out.u8(WHOLE);
    out.varint(value);
  } else {
    out.u8(FLOAT);
    writeFloat(out, value);
  }
}

function readPoint(from: ByteCursor, collectedMs: number): Point {
  const timeMs = collectedMs + from.zigzag();
  const kind = from.u8();
  if (kind === WHOLE) return { timeMs, value: from.varint() };
  if (kind === FLOAT) return { timeMs, value: readFloat(from) };
  if (kind === STALE_POINT) return { timeMs, value: STALE };
  check(kind === HISTOGRAM || kind === RESET_HISTOGRAM, "no such kind of point", from.at);
  return { timeMs, value: readHistogram(from, kind === RESET_HISTOGRAM) };
}

function writeHistogram(out: ByteWriter, histogram: NativeHistogram): void {
  out.zigzag(histogram.schema);
  for (const value of [histogram.count, histogram.sum]) writeFloat(out, value);
  for (const value of [histogram.zeroThreshold, histogram.zeroCount]) writeFloat(out, value);
  for (const { spans, deltas } of [histogram.positive, histogram.negative]) {
    out.varint(spans.length);
    for (const { offset, length } of spans) {
      out.zigzag(offset);
      out.varint(length);
    }
    out.varint(deltas.length);
    for (const delta of deltas) writeFloat(out, delta);
  }
}

function readHistogram(from: ByteCursor, isReset: boolean): NativeHistogram {
  const schema = from.zigzag();
  const [count, sum, zeroThreshold, zeroCount] = [1, 2, 3, 4].map(() => readFloat(from)) as [
    number,
    number,
    number,
    number,
  ];
  const positive = readBuckets(from);
  const negative = readBuckets(from);
  return { schema, count, sum, zeroThreshold, zeroCount, positive, negative, isReset };
}

function readBuckets(from: ByteCursor): Buckets {
  const spans = Array.from({ length: countOf(from) }, () => ({
    offset: from.zigzag(),
    length: from.varint(),
  }));
  const deltas = Array.from({ length: countOf(from) }, () => readFloat(from));
  return { spans, deltas };
}

function writeExemplar(out: ByteWriter, exemplar: Exemplar, collectedMs: number): void {
  out.zigzag(exemplar.timeMs - collectedMs);
  writeFloat(out, exemplar.value);
  out.varint(exemplar.labels.length);
  for (const [name, value] of exemplar.labels) {
    writeText(out, name);
    writeText(out, value); // an id, that is met once
  }
}

function readExemplar(from: ByteCursor, collectedMs: number): Exemplar {
  const timeMs = collectedMs + from.zigzag();
  const value = readFloat(from);
  const labels = Array.from(
    { length: countOf(from) },
    (): Label => [readText(from), readText(from)],
  );
  return { timeMs, value, labels };
}

function writeText(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  out.varint(bytes.length);
  out.append(bytes);
}

function readText(from: ByteCursor): string {
  return decoder.decode(from.take(from.varint()));
}

function writeFloat(out: ByteWriter, value: number): void {
  out.reserve(8);
  out.view.setFloat64(out.length, value, true);
  out.length += 8;
}

function readFloat(from: ByteCursor): number {
  return from.view.getFloat64(from.advance(8), true);
}

/** Each of so many takes a byte at least, so that a false count cannot ask for memory. */
function countOf(from: ByteCursor): number {
  const count = from.varint();
  check(count <= from.end - from.at, "more than there are bytes", from.at);
  return count;
}
