// From traces to log records: all traces of one partition in one record, or in several if the record
// would be too large for the log. A trace is never divided.

import { InputError } from "../lib/errors.ts";
import { recordSize, type TraceMessage, writeRecord } from "../model/record.ts";
import type { PartitionRouter } from "../ring/mod.ts";
import type { NewRecord } from "../wal/mod.ts";

const TRACE_ID_BYTES = 16;

/** Throws before anything is made if one trace alone is too large. */
export function toRecords(
  tenant: string,
  traces: readonly TraceMessage[],
  router: PartitionRouter,
  recordBytesMax: number,
): NewRecord[] {
  const byPartition = new Map<number, TraceMessage[]>();
  for (const trace of traces) {
    checkSize(trace, recordBytesMax);
    const partition = router.partitionOf(tenant, trace.traceId, 0);
    const others = byPartition.get(partition);
    if (others === undefined) byPartition.set(partition, [trace]);
    else others.push(trace);
  }
  const records: NewRecord[] = [];
  for (const [partition, all] of byPartition) {
    for (const { part, sizeBytes } of split(all, recordBytesMax)) {
      const write = (to: Uint8Array, at: number) => void writeRecord(part, to, at);
      records.push({ partition, tenant, sizeBytes, write });
    }
  }
  return records;
}

interface Part {
  readonly part: readonly TraceMessage[];
  readonly sizeBytes: number;
}

function split(traces: readonly TraceMessage[], recordBytesMax: number): Part[] {
  const total = recordSize(traces);
  if (total <= recordBytesMax) return [{ part: traces, sizeBytes: total }];
  const parts: Part[] = [];
  let start = 0;
  let sizeBytes = 0;
  for (let i = 0; i < traces.length; i++) {
    const size = recordSize(traces.slice(i, i + 1));
    if (i > start && sizeBytes + size > recordBytesMax) {
      parts.push({ part: traces.slice(start, i), sizeBytes });
      start = i;
      sizeBytes = 0;
    }
    sizeBytes += size;
  }
  parts.push({ part: traces.slice(start), sizeBytes });
  return parts;
}

function checkSize({ bytes }: TraceMessage, recordBytesMax: number): void {
  // Counted as Tempo counts it: the trace with its field's tag and length, and the bare id.
  const lengthBytes = bytes.length < 1 << 7
    ? 1
    : bytes.length < 1 << 14
    ? 2
    : bytes.length < 1 << 21
    ? 3
    : 4;
  const size = 1 + lengthBytes + bytes.length + TRACE_ID_BYTES;
  if (size > recordBytesMax) {
    throw new InputError(
      "too_large",
      `single entry size (${size}) exceeds maximum allowed size (${recordBytesMax})`,
    );
  }
}
