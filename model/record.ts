// A log record: Tempo's PushBytesRequest { repeated bytes traces = 2; repeated bytes ids = 3;
// bool skipMetricsGeneration = 5; },
// so that a partition log can be fed to, or taken from, a Kafka topic unchanged.
import { ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { varintSize, writeVarint } from "../lib/varint.ts";

/** One trace of a push: what the distributor regroups a request into. */
export interface TraceMessage {
  /** 16 bytes, a view into the request. */
  readonly traceId: Uint8Array;
  /** A TracesData message. */
  readonly bytes: Uint8Array;
  readonly spanCount: number;
}

const TRACES_TAG = 2 << 3 | WireType.Bytes;
const IDS_TAG = 3 << 3 | WireType.Bytes;
const SKIP_TAG = 5 << 3 | WireType.Varint;
const ID_FIELD_BYTES = 18;

export function recordSize(traces: readonly TraceMessage[]): number {
  let size = traces.length * ID_FIELD_BYTES;
  for (const { bytes } of traces) size += 1 + varintSize(bytes.length) + bytes.length;
  return size;
}

/** Writes the record at `at` and returns where it ends; `recordSize` bytes must be free. */
export function writeRecord(traces: readonly TraceMessage[], to: Uint8Array, at: number): number {
  for (const { bytes } of traces) {
    to[at++] = TRACES_TAG;
    at = writeVarint(to, at, bytes.length);
    to.set(bytes, at);
    at += bytes.length;
  }
  for (const { traceId } of traces) {
    to[at++] = IDS_TAG;
    to[at++] = 16;
    to.set(traceId, at);
    at += 16;
  }
  return at;
}

export function readTraces(record: Uint8Array, visit: (trace: Uint8Array) => void): void {
  readField(record, TRACES_TAG, visit);
}

export function readIds(record: Uint8Array, visit: (traceId: Uint8Array) => void): void {
  readField(record, IDS_TAG, visit);
}

/** Whether who sent the spans wants no metrics made of them. */
export function skipsMetrics(record: Uint8Array): boolean {
  const reader = new ProtobufReader();
  reader.reset(record);
  let skips = false;
  while (reader.position < record.length) {
    const tag = reader.tag(record.length);
    if (tag === SKIP_TAG) skips = reader.varint32(record.length) !== 0;
    else reader.skip(tag, record.length);
  }
  return skips;
}

function readField(record: Uint8Array, field: number, visit: (bytes: Uint8Array) => void): void {
  const reader = new ProtobufReader();
  reader.reset(record);
  while (reader.position < record.length) {
    const tag = reader.tag(record.length);
    if (tag !== field) {
      reader.skip(tag, record.length);
      continue;
    }
    const end = reader.lengthEnd(record.length);
    visit(record.subarray(reader.position, end));
    reader.position = end;
  }
}
