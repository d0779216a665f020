// The message of a remote write: prometheus.WriteRequest of the protocol's version 1.
// https://prometheus.io/docs/specs/prw/remote_write_spec/
// Rule: a series is in a message with all that a collection has of it, so that messages of one collection may be sent
// in any order.
import { ByteWriter } from "../../lib/byte_writer.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";
import type { Buckets, Exemplar, Label, NativeHistogram, Point, SeriesPoints } from "../series.ts";

const TIME_SERIES = 1;
const LABELS = 1;
const SAMPLES = 2;
const EXEMPLARS = 3;
const HISTOGRAMS = 4;
/** The quiet NaN that means the end of a series. */
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 2;
const RESET_UNKNOWN = 0;
const RESET_YES = 1;

/** What is counted apart. */
export const KINDS = ["samples", "histograms", "exemplars"] as const;

export type Kinds = Record<(typeof KINDS)[number], number>;

export interface WriteMessage extends Kinds {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reuses its buffer: what it returns is to be compressed before the next. */
export class WriteRequestEncoder {
  readonly #out = new ByteWriter(1 << 16);
  readonly #fields = new ProtobufWriter(this.#out);
  /** Labels as fields of a series. */
  readonly #labels = new WeakMap<readonly Label[], Uint8Array>();

  encode(series: readonly SeriesPoints[]): WriteMessage {
    this.#out.clear();
    for (const one of series) this.#fields.message(TIME_SERIES, () => this.#series(one));
    return { bytes: this.#out.written(), ...kindsOf(series) };
  }

  #series({ labels, points, exemplars }: SeriesPoints): void {
    const fields = this.#fields;
    this.#out.append(this.#labelBytes(labels));
    for (const { timeMs, value } of points) {
      if (typeof value === "number") {
        fields.message(SAMPLES, () => {
          writeDouble(fields, 1, value);
          writeInteger(fields, 2, timeMs);
        });
      }
    }
    for (const exemplar of exemplars) {
      fields.message(EXEMPLARS, () => writeExemplar(fields, exemplar));
    }
    for (const point of points) {
      if (typeof point.value === "number") continue;
      fields.message(
        HISTOGRAMS,
        () => writeHistogram(fields, point, point.value as NativeHistogram),
      );
    }
  }

  #labelBytes(labels: readonly Label[]): Uint8Array {
    let bytes = this.#labels.get(labels);
    if (bytes === undefined) {
      const fields = new ProtobufWriter(new ByteWriter(256));
      for (const [name, value] of labels) writeLabel(fields, LABELS, name, value);
      bytes = fields.bytes.copy();
      this.#labels.set(labels, bytes);
    }
    return bytes;
  }
}

export function kindsOf(series: readonly SeriesPoints[]): Kinds {
  const kinds = { samples: 0, histograms: 0, exemplars: 0 };
  for (const { points, exemplars } of series) {
    kinds.exemplars += exemplars.length;
    for (const { value } of points) {
      typeof value === "number" ? kinds.samples++ : kinds.histograms++;
    }
  }
  return kinds;
}

function writeLabel(fields: ProtobufWriter, field: number, name: string, value: string): void {
  fields.message(field, () => {
    fields.text(1, name);
    fields.text(2, value);
  });
}

function writeExemplar(fields: ProtobufWriter, { labels, value, timeMs }: Exemplar): void {
  for (const [name, text] of labels) writeLabel(fields, 1, name, text);
  writeDouble(fields, 2, value);
  writeInteger(fields, 3, timeMs);
}

/** Counts of spans that stand for several may be broken numbers: then all of it is written as floats. */
function writeHistogram(fields: ProtobufWriter, { timeMs }: Point, of: NativeHistogram): void {
  const { count, zeroCount, positive, negative } = of;
  const isWhole = [count, zeroCount, ...positive.deltas, ...negative.deltas]
    .every((value) => Number.isSafeInteger(value));
  if (isWhole) writeInteger(fields, 1, count, true);
  else writeDouble(fields, 2, count);
  writeDouble(fields, 3, of.sum);
  writeInteger(fields, 4, zigzag(of.schema));
  writeDouble(fields, 5, of.zeroThreshold);
  if (isWhole) writeInteger(fields, 6, zeroCount, true);
  else writeDouble(fields, 7, zeroCount);
  writeBuckets(fields, 8, negative, isWhole);
  writeBuckets(fields, 11, positive, isWhole);
  writeInteger(fields, 14, of.isReset ? RESET_YES : RESET_UNKNOWN);
  writeInteger(fields, 15, timeMs);
}

/** Spans, then deltas or counts, each in the next field. */
function writeBuckets(
  fields: ProtobufWriter,
  field: number,
  { spans, deltas }: Buckets,
  isWhole: boolean,
): void {
  for (const { offset, length } of spans) {
    fields.message(field, () => {
      writeInteger(fields, 1, zigzag(offset));
      writeInteger(fields, 2, length);
    });
  }
  if (deltas.length === 0) return;
  if (isWhole) {
    fields.message(field + 1, () => deltas.forEach((delta) => fields.bytes.zigzag(delta)));
    return;
  }
  let count = 0;
  fields.message(field + 2, () => {
    for (const delta of deltas) {
      count += delta;
      writeFloat(fields.bytes, count);
    }
  });
}

const zigzag = (value: number) => value < 0 ? -value * 2 - 1 : value * 2;

/** A whole number that is not negative; zero is left out unless it has to be told from nothing. */
function writeInteger(fields: ProtobufWriter, field: number, value: number, always = false): void {
  if (value === 0 && !always) return;
  fields.bytes.varint(field << 3);
  fields.bytes.varint(value);
}

function writeDouble(fields: ProtobufWriter, field: number, value: number): void {
  if (Object.is(value, 0)) return;
  fields.bytes.varint(field << 3 | 1);
  writeFloat(fields.bytes, value);
}

function writeFloat(out: ByteWriter, value: number): void {
  out.reserve(8);
  if (Number.isNaN(value)) {
    out.view.setUint32(out.length, STALE_LOW, true);
    out.view.setUint32(out.length + 4, STALE_HIGH, true);
  } else out.view.setFloat64(out.length, value, true);
  out.length += 8;
}
