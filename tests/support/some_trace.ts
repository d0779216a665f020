// deno-lint-ignore-file house/no-ambient-world
// Small OTLP requests for tests that talk to a running server.
import { encodeOtlp, type Plain } from "./otlp.ts";

export interface SomeTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly spans?: number;
  readonly service?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A request with one trace, as protobufjs takes it; its spans ended just now. */
export function someTrace(
  { traceId, spans = 2, service = "cart", attributes = {} }: SomeTrace,
): Plain {
  const nowNanos = BigInt(Date.now()) * 1_000_000n;
  const textAttributes = (values: Record<string, string>) =>
    Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  return {
    resourceSpans: [{
      resource: { attributes: textAttributes({ "service.name": service }) },
      scopeSpans: [{
        scope: { name: "test" },
        spans: Array.from({ length: spans }, (_, i) => ({
          traceId: Uint8Array.fromHex(traceId),
          spanId: spanId(traceId, i),
          parentSpanId: i === 0 ? new Uint8Array(0) : spanId(traceId, 0),
          name: i === 0 ? "root" : `child ${i}`,
          kind: 2,
          startTimeUnixNano: String(nowNanos - 5_000_000n),
          endTimeUnixNano: String(nowNanos),
          attributes: textAttributes(attributes),
        })),
      }],
    }],
  };
}

function spanId(traceId: string, index: number): Uint8Array {
  const id = Uint8Array.fromHex(traceId.slice(0, 14) + "00");
  id[7] = index + 1;
  return id;
}

export function randomTraceId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/** Sends one request, and tells the answer's status and text. */
export async function sendOtlp(
  otlpUrl: string,
  body: Uint8Array | Plain,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const bytes = body instanceof Uint8Array ? body : encodeOtlp(body);
  const response = await fetch(otlpUrl, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf", ...headers },
    body: bytes as Uint8Array<ArrayBuffer>,
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}
