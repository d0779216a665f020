// Requests encoded once and patched in place before each sending: ids, times and values that differ
// from call to call. A wave is a few requests over which its traces are spread, as the batches of a
// collector are.
import type { Random } from "../../lib/random.ts";
import { int, type Service } from "./catalogue.ts";
import { attribute, type Patch, PatchKind, Piece } from "./piece.ts";
import { type SpanShape, traceShape } from "./trace_shape.ts";

/** One request: the patches of its spans, as arrays with one entry for each patch. */
export interface RequestTemplate {
  /** With `roomBytes` unused bytes in front, for a protocol's header. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly roomBytes: number;
  readonly spanCount: number;
  readonly kind: Uint8Array;
  readonly at: Int32Array;
  /** Which trace of the wave, which span of the trace, and that one's parent. */
  readonly trace: Int32Array;
  readonly span: Int32Array;
  readonly parent: Int32Array;
  /** Nanoseconds from the trace's start; digits for values. */
  readonly detail: Float64Array;
  /** Spans of each trace of the wave in this request. */
  readonly spansOfTrace: Int32Array;
}

export interface WaveTemplate {
  readonly traceCount: number;
  readonly requests: readonly RequestTemplate[];
  /** Nanoseconds from the first start to the last end of each trace. */
  readonly traceNanos: Float64Array;
  readonly spansOfTrace: Int32Array;
}

export interface WaveOptions {
  readonly services: readonly Service[];
  readonly spansPerRequest: number;
  readonly requestsPerWave: number;
  readonly roomBytes: number;
}

interface Placed {
  readonly shape: SpanShape;
  readonly trace: number;
  readonly span: number;
  /** Where it is among the wave's spans: close to its trace's others, yet not always with them. */
  readonly rank: number;
}

export function waveTemplate(random: Random, options: WaveOptions): WaveTemplate {
  const { spansPerRequest, requestsPerWave } = options;
  const traces = waveTraces(random, options);
  const placed = traces.flatMap((shapes, trace) => {
    // Services report on their own, so the spans of one service stay together.
    const delays = new Map<string, number>();
    return shapes.map((shape, span): Placed => {
      const delay = delays.get(shape.pod) ?? random.next() * (random.next() < 0.4 ? 3 : 0.5);
      delays.set(shape.pod, delay);
      return { shape, trace, span, rank: trace + delay };
    });
  }).sort((a, b) => a.rank - b.rank);
  const requests = Array.from(
    { length: requestsPerWave },
    (_, i) => placed.slice(i * spansPerRequest, (i + 1) * spansPerRequest),
  ).map((spans) => requestTemplate(spans, traces, options.roomBytes));
  return {
    traceCount: traces.length,
    requests,
    traceNanos: Float64Array.from(traces, (spans) => spans[0]!.durationNanos),
    spansOfTrace: Int32Array.from(traces, (spans) => spans.length),
  };
}

/** Traces that make up the wave's spans exactly. */
function waveTraces(random: Random, options: WaveOptions): SpanShape[][] {
  const traces: SpanShape[][] = [];
  let left = options.spansPerRequest * options.requestsPerWave;
  while (left > 0) {
    let size = 10 + int(random, 41);
    if (left - size < 10) size = left;
    traces.push(traceShape(random, options.services, size));
    left -= size;
  }
  return traces;
}

function requestTemplate(
  spans: readonly Placed[],
  traces: readonly SpanShape[][],
  roomBytes: number,
): RequestTemplate {
  const request = new Piece();
  const order: { placed: Placed; patches: number }[] = [];
  const byPod = Map.groupBy(spans, ({ shape }) => shape.pod);
  for (const [pod, ofPod] of byPod) {
    const resourceSpans = new Piece().embed(1, resource(ofPod[0]!.shape.service, pod));
    const scopeSpans = new Piece().embed(
      1,
      new Piece().text(1, `otel-${ofPod[0]!.shape.service.language}-http`).text(2, "0.53.0"),
    );
    for (const placed of ofPod) {
      const span = spanMessage(placed.shape);
      scopeSpans.embed(2, span);
      order.push({ placed, patches: span.patches.length });
    }
    request.embed(1, resourceSpans.embed(2, scopeSpans));
  }
  return withPatches(request, order, traces.length, roomBytes);
}

function resource(service: Service, pod: string): Piece {
  const piece = new Piece();
  const attributes = {
    "service.name": service.name,
    "service.namespace": service.namespace,
    "service.version": service.version,
    "service.instance.id": pod,
    "telemetry.sdk.language": service.language,
    "telemetry.sdk.name": "opentelemetry",
    "deployment.environment": "production",
    "cloud.provider": "aws",
    "cloud.region": "eu-west-1",
    "k8s.cluster.name": "prod-1",
    "k8s.namespace.name": service.namespace,
    "k8s.pod.name": pod,
    "k8s.container.name": service.name,
    "k8s.node.name": `node-${pod.length * 7 % 12}`,
  };
  for (const [key, value] of Object.entries(attributes)) piece.embed(1, attribute(key, value));
  return piece;
}

/** Ids and times first, then the body, whose fields may follow in any order. */
function spanMessage({ parent, body }: SpanShape): Piece {
  const span = new Piece().patched(1, PatchKind.TraceId, 16).patched(2, PatchKind.SpanId, 8);
  if (parent >= 0) span.patched(4, PatchKind.ParentId, 8);
  span.patchedTime(7, PatchKind.Start).patchedTime(8, PatchKind.End);
  return span.append(body);
}

function withPatches(
  request: Piece,
  order: readonly { placed: Placed; patches: number }[],
  traceCount: number,
  roomBytes: number,
): RequestTemplate {
  const { patches } = request;
  const bytes = new Uint8Array(roomBytes + request.length);
  bytes.set(request.bytes(), roomBytes);
  const template = {
    bytes,
    roomBytes,
    spanCount: order.length,
    kind: Uint8Array.from(patches, (patch) => patch.kind),
    at: Int32Array.from(patches, (patch) => roomBytes + patch.at),
    trace: new Int32Array(patches.length),
    span: new Int32Array(patches.length),
    parent: new Int32Array(patches.length),
    detail: new Float64Array(patches.length),
    spansOfTrace: new Int32Array(traceCount),
  };
  let i = 0;
  for (const { placed, patches: count } of order) {
    template.spansOfTrace[placed.trace]!++;
    for (const end = i + count; i < end; i++) {
      template.trace[i] = placed.trace;
      template.span[i] = placed.span;
      template.parent[i] = placed.shape.parent;
      template.detail[i] = detailOf(patches[i]!, placed.shape);
    }
  }
  return template;
}

function detailOf({ kind, detail }: Patch, shape: SpanShape): number {
  switch (kind) {
    case PatchKind.Start:
      return shape.startNanos;
    case PatchKind.End:
      return shape.startNanos + shape.durationNanos;
    case PatchKind.Moment:
      return shape.startNanos + shape.durationNanos * detail;
    default:
      return detail;
  }
}
