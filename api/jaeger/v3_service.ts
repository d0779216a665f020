// The gRPC service jaeger.api_v3.QueryService. Traces go out as the OTLP messages they are.
import { ByteWriter } from "../../lib/byte_writer.ts";
import type { GrpcCall, GrpcMethod, GrpcMethods } from "../../lib/grpc_server.ts";
import { GrpcCode, GrpcError } from "../../lib/grpc_status.ts";
import type { ProtobufMessage } from "../../lib/protobuf_message.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";
import { AcrossTenants } from "../across_tenants.ts";
import { putText, putUint64 } from "../answer_format.ts";
import { callTenant, inWords } from "../grpc_calls.ts";
import type { ApiContext } from "../options.ts";
import { readMessage } from "../streaming_requests.ts";
import { parseTraceId } from "../trace_params.ts";
import { JaegerQuery, LIMIT_DEFAULT, LIMIT_MAX } from "./jaeger_query.ts";
import type { TraceQuery } from "./trace_query.ts";
import { checkWindow } from "./v3_params.ts";
import { type TraceSummary, traceSummary } from "./v3_summary.ts";

type Answer = (call: GrpcCall) => AsyncIterable<Uint8Array>;

export const QUERY_SERVICE = "jaeger.api_v3.QueryService";

export function jaegerQueryService(
  { runtime, deps, options }: ApiContext,
): GrpcMethods {
  const service = new QueryService(new JaegerQuery(new AcrossTenants(deps.frontend)), options);
  const unary = (answer: Answer): GrpcMethod => ({
    kind: "unary",
    async handle(call) {
      for await (const message of inWords(runtime, call, answer)) return message;
      throw new GrpcError(GrpcCode.NotFound, "nothing found");
    },
  });
  const stream = (answer: Answer): GrpcMethod => ({
    kind: "server_stream",
    handle: (call) => inWords(runtime, call, answer),
  });
  return {
    [`/${QUERY_SERVICE}/GetTrace`]: stream((call) => service.trace(call)),
    [`/${QUERY_SERVICE}/FindTraces`]: stream((call) => service.traces(call)),
    [`/${QUERY_SERVICE}/FindTraceSummaries`]: stream((call) => service.summaries(call)),
    [`/${QUERY_SERVICE}/GetServices`]: unary((call) => service.services(call)),
    [`/${QUERY_SERVICE}/GetOperations`]: unary((call) => service.operations(call)),
    [`/${QUERY_SERVICE}/GetDependencies`]: unary((call) => service.dependencies(call)),
  };
}

class QueryService {
  constructor(readonly jaeger: JaegerQuery, readonly rules: ApiContext["options"]) {}

  async *trace({ message, metadata, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const traceId = parseTraceId(readMessage(message).text(1));
    const found = await this.jaeger.trace(callTenant(metadata, this.rules), traceId, signal);
    if (found === undefined) throw new GrpcError(GrpcCode.NotFound, "trace not found");
    yield found.otlp;
  }

  async *traces({ message, metadata, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const query = traceQuery(readMessage(message).message(1));
    const found = await this.jaeger.search(callTenant(metadata, this.rules), query, signal);
    for (const { otlp } of found) yield otlp;
  }

  async *summaries({ message, metadata, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const query = traceQuery(readMessage(message).message(1));
    const found = await this.jaeger.summaries(callTenant(metadata, this.rules), query, signal);
    yield written((out) => {
      for (const trace of found) out.message(1, () => putSummary(out, traceSummary(trace)));
    });
  }

  async *services({ metadata, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const services = await this.jaeger.services(callTenant(metadata, this.rules), signal);
    yield written((out) => services.forEach((name) => out.text(1, name)));
  }

  async *operations({ message, metadata, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const request = readMessage(message);
    const tenant = callTenant(metadata, this.rules);
    const kind = request.text(2).toLowerCase();
    const operations = await this.jaeger.operations(tenant, request.text(1), kind, signal);
    yield written((out) => {
      for (const { name, spanKind } of operations) {
        out.message(1, () => {
          putText(out, 1, name);
          putText(out, 2, spanKind);
        });
      }
    });
  }

  async *dependencies({ message, metadata, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const request = readMessage(message);
    const window = checkWindow({
      startNano: nanoOf(request.message(1)),
      endNano: nanoOf(request.message(2)),
    });
    const found = await this.jaeger.dependencies(callTenant(metadata, this.rules), window, signal);
    yield written((out) => {
      for (const { parent, child, callCount } of found) {
        out.message(1, () => {
          putText(out, 1, parent);
          putText(out, 2, child);
          putUint64(out, 3, callCount);
        });
      }
    });
  }
}

function traceQuery(query: ProtobufMessage): TraceQuery {
  const window = { startNano: nanoOf(query.message(4)), endNano: nanoOf(query.message(5)) };
  return {
    service: query.text(1),
    operation: query.text(2),
    tags: new Map(query.pairs(3)),
    ...checkWindow(window),
    minDurationNano: nanoOf(query.message(6)),
    maxDurationNano: nanoOf(query.message(7)),
    limit: Math.min(Number(query.number(8) || LIMIT_DEFAULT), LIMIT_MAX),
  };
}

/** Of a Timestamp or a Duration: seconds 1, nanos 2. */
function nanoOf(time: ProtobufMessage): bigint {
  return time.integer(1) * 1_000_000_000n + time.integer(2);
}

function putSummary(out: ProtobufWriter, summary: TraceSummary): void {
  putText(out, 1, summary.traceId);
  putText(out, 2, summary.rootServiceName);
  putText(out, 3, summary.rootOperationName);
  putFixed64(out, 4, summary.minStartUnixNano);
  putFixed64(out, 5, summary.maxEndUnixNano);
  out.varint(6, summary.spanCount);
  out.varint(7, summary.errorSpanCount);
  out.varint(8, summary.orphanSpanCount);
  for (const service of summary.services) {
    out.message(9, () => {
      putText(out, 1, service.name);
      out.varint(2, service.spanCount);
      out.varint(3, service.errorSpanCount);
    });
  }
}

function putFixed64(out: ProtobufWriter, field: number, value: bigint): void {
  if (value !== 0n) out.fixed64(field, Number(value & 0xffffffffn), Number(value >> 32n));
}

function written(put: (out: ProtobufWriter) => void): Uint8Array {
  const out = new ProtobufWriter(new ByteWriter());
  put(out);
  return out.bytes.written();
}
