// Log records with traces of simple spans, as the distributor would append them.
import { recordSize, type TraceMessage, writeRecord } from "../../model/record.ts";
import type { NewRecord } from "../../wal/mod.ts";
import { encodeOtlp } from "./otlp.ts";

/** 16 bytes that end in the number. */
export function traceIdOf(n: number): Uint8Array {
  const id = new Uint8Array(16);
  id[0] = 0xab; // no leading zeros
  new DataView(id.buffer).setUint32(12, n);
  return id;
}

export function spanIdOf(n: number): Uint8Array {
  const id = new Uint8Array(8);
  id[0] = 0xcd;
  new DataView(id.buffer).setUint32(4, n);
  return id;
}

export interface SimpleTrace {
  readonly trace: number;
  /** Numbers of its spans; ids follow from them. */
  readonly spans: readonly number[];
  readonly service?: string;
  readonly startUnixNano?: bigint;
}

export function traceMessage({ trace, spans, service, startUnixNano }: SimpleTrace): TraceMessage {
  const start = startUnixNano ?? 1_767_268_800_000_000_000n;
  const bytes = encodeOtlp({
    resourceSpans: [{
      resource: {
        attributes: [{ key: "service.name", value: { stringValue: service ?? "cart" } }],
      },
      scopeSpans: [{
        scope: { name: "test" },
        spans: spans.map((span) => ({
          traceId: traceIdOf(trace),
          spanId: spanIdOf(span),
          name: `span ${span}`,
          kind: 2,
          startTimeUnixNano: String(start),
          endTimeUnixNano: String(start + 1_000_000n),
          attributes: [{ key: "number", value: { intValue: String(span) } }],
        })),
      }],
    }],
  });
  return { traceId: traceIdOf(trace), bytes, spanCount: spans.length };
}

export function newRecord(
  partition: number,
  tenant: string,
  traces: readonly SimpleTrace[],
): NewRecord {
  const messages = traces.map(traceMessage);
  return {
    partition,
    tenant,
    sizeBytes: recordSize(messages),
    write: (to, at) => void writeRecord(messages, to, at),
  };
}
