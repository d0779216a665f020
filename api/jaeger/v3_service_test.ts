import assert from "node:assert/strict";
import protobuf from "protobufjs";
import { GrpcServer } from "../../lib/grpc_server.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { FakeFrontend, foundTrace } from "../../tests/support/fake_frontend.ts";
import { drain, GrpcClient } from "../../tests/support/grpc_client.ts";
import { decodeOtlp, encodeOtlp } from "../../tests/support/otlp.ts";
import { testDeps } from "../../tests/support/test_api.ts";
import { defaultApiOptions } from "../options.ts";
import { jaegerQueryService, QUERY_SERVICE } from "./v3_service.ts";

const { root } = protobuf.parse(
  `
syntax = "proto3";
message Time { int64 seconds = 1; int32 nanos = 2; }
message GetTraceRequest { string trace_id = 1; Time start_time = 2; Time end_time = 3; bool raw_traces = 4; }
message Query {
  string service_name = 1; string operation_name = 2; map<string, string> attributes = 3; Time start_time_min = 4;
  Time start_time_max = 5; Time duration_min = 6; Time duration_max = 7; int32 search_depth = 8; bool raw_traces = 9;
}
message FindTracesRequest { Query query = 1; }
message GetOperationsRequest { string service = 1; string span_kind = 2; }
message GetDependenciesRequest { Time start_time = 1; Time end_time = 2; }
message GetServicesResponse { repeated string services = 1; }
message Operation { string name = 1; string span_kind = 2; }
message GetOperationsResponse { repeated Operation operations = 1; }
message Service { string name = 1; int32 span_count = 2; int32 error_span_count = 3; }
message TraceSummary {
  string trace_id = 1; string root_service_name = 2; string root_operation_name = 3; fixed64 min_start_time_unix_nano = 4;
  fixed64 max_end_time_unix_nano = 5; int32 span_count = 6; int32 error_span_count = 7; int32 orphan_span_count = 8;
  repeated Service services = 9;
}
message FindTraceSummariesResponse { repeated TraceSummary summaries = 1; }
message Dependency { string parent = 1; string child = 2; uint64 call_count = 3; }
message GetDependenciesResponse { repeated Dependency dependencies = 1; }
`,
  { keepCase: true },
);

const encode = (name: string, fields: object) => {
  const type = root.lookupType(name);
  return Uint8Array.from(type.encode(type.fromObject(fields)).finish());
};
// deno-lint-ignore no-explicit-any
const decode = (name: string, bytes: Uint8Array): any => {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String });
};

const ID = "000000000000000000000000000000ab";
const cost = { inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 };
const TIMES = { start_time_min: { seconds: 100 }, start_time_max: { seconds: 200, nanos: 1 } };

function serving() {
  const frontend = new FakeFrontend();
  const otlp = encodeOtlp({
    resourceSpans: [{
      scopeSpans: [{
        spans: [{ traceId: Uint8Array.fromHex(ID), spanId: new Uint8Array(8).fill(1), name: "op" }],
      }],
    }],
  });
  frontend.traces.set(`single-tenant/${ID}`, foundTrace(otlp));
  frontend.searchAnswer = {
    kind: "search",
    traces: [{
      traceId: ID,
      rootServiceName: "",
      rootTraceName: "",
      startUnixNano: 5n,
      durationNano: 6n,
      spanSets: [],
      serviceStats: { shop: { spanCount: 2, errorCount: 1 } },
    }],
    ...cost,
  };
  frontend.tagValuesAnswer = {
    kind: "tag_values",
    values: [{ type: "string", value: "shop" }],
    ...cost,
  };
  const deps = testDeps(frontend);
  const runtime = createRuntime();
  const methods = jaegerQueryService({ runtime, deps, options: defaultApiOptions });
  const server = new GrpcServer(runtime, methods);
  const client = new GrpcClient(server.listen("127.0.0.1", 0));
  const path = (method: string) => `/${QUERY_SERVICE}/${method}`;
  return {
    frontend,
    unary: (method: string, message: Uint8Array) => client.unary(path(method), message),
    stream: (method: string, message: Uint8Array) => drain(client.stream(path(method), message)),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("traces are streamed as OTLP, by id and by what they hold", async () => {
  await using served = serving();
  const byId = await served.stream("GetTrace", encode("GetTraceRequest", { trace_id: "ab" }));
  assert.equal(byId.status.code, 0);
  assert.equal(decodeOtlp(byId.messages[0]!).resourceSpans[0].scopeSpans[0].spans[0].name, "op");
  const query = {
    service_name: "shop",
    operation_name: "op",
    attributes: { error: "true" },
    ...TIMES,
    duration_min: { nanos: 1_000_000 },
    search_depth: 4,
  };
  const found = await served.stream("FindTraces", encode("FindTracesRequest", { query }));
  assert.equal(found.messages.length, 1);
  const [request] = served.frontend.asked;
  assert.ok(request?.kind === "search");
  assert.equal(
    request.query,
    '{ resource.service.name = "shop" && name = "op" && status = error && duration >= 1000000ns }',
  );
  assert.deepEqual([request.limit, request.startSeconds, request.endSeconds], [4, 100, 201]);
});

Deno.test("summaries, services, operations and dependencies", async () => {
  await using served = serving();
  const query = encode("FindTracesRequest", { query: TIMES });
  const { messages } = await served.stream("FindTraceSummaries", query);
  assert.deepEqual(decode("FindTraceSummariesResponse", messages[0]!).summaries, [{
    trace_id: ID,
    min_start_time_unix_nano: "5",
    max_end_time_unix_nano: "11",
    span_count: 2,
    error_span_count: 1,
    orphan_span_count: 1,
    services: [{ name: "shop", span_count: 2, error_span_count: 1 }],
  }]);
  const services = await served.unary("GetServices", new Uint8Array(0));
  assert.deepEqual(decode("GetServicesResponse", services), { services: ["shop"] });
  const asked = encode("GetOperationsRequest", { service: "shop", span_kind: "server" });
  const operations = await served.unary("GetOperations", asked);
  assert.deepEqual(decode("GetOperationsResponse", operations), {
    operations: [{ name: "shop", span_kind: "server" }],
  });
  const times = { start_time: { seconds: 1 }, end_time: { seconds: 2 } };
  const dependencies = await served.unary(
    "GetDependencies",
    encode("GetDependenciesRequest", times),
  );
  assert.deepEqual(decode("GetDependenciesResponse", dependencies), {});
});

Deno.test("what is missing or cannot be meant has its code", async () => {
  await using served = serving();
  const missing = await served.stream("GetTrace", encode("GetTraceRequest", { trace_id: "dd" }));
  assert.deepEqual([missing.status.code, missing.status.details], [5, "trace not found"]);
  const timeless = await served.stream("FindTraces", encode("FindTracesRequest", { query: {} }));
  assert.equal(timeless.status.code, 3);
  const broken = await served.stream("FindTraces", Uint8Array.of(0x0a, 9));
  assert.equal(broken.status.code, 3);
});
