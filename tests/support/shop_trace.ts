// deno-lint-ignore-file house/no-ambient-world
// A trace with one call from a service to another, which ended just now: what a service graph has an edge of.
import type { Plain } from "./otlp.ts";
import { randomTraceId } from "./some_trace.ts";

/** Three spans: a server in `front`, its call, and the server in `back` that takes it. */
export function shopTrace(traceId = randomTraceId()): Plain {
  const nowNanos = BigInt(Date.now()) * 1_000_000n;
  const spanOf = (id: number, parent: number, name: string, kind: number, ms: number) => ({
    traceId: Uint8Array.fromHex(traceId),
    spanId: new Uint8Array(8).fill(id),
    parentSpanId: parent === 0 ? new Uint8Array(0) : new Uint8Array(8).fill(parent),
    name,
    kind,
    startTimeUnixNano: String(nowNanos - BigInt(ms) * 1_000_000n),
    endTimeUnixNano: String(nowNanos),
    attributes: [],
  });
  const of = (service: string, spans: Plain[]) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ scope: { name: "test" }, spans }],
  });
  const [server, client] = [2, 3];
  return {
    resourceSpans: [
      of("front", [
        spanOf(1, 0, "GET /", server, 300),
        spanOf(2, 1, "ask back", client, 200),
      ]),
      of("back", [spanOf(3, 2, "answer", server, 150)]),
    ],
  };
}
