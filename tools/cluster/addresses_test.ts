import assert from "node:assert/strict";

import { type Addresses, addressLines } from "./addresses.ts";

const addresses: Addresses = {
  queries: ["http://127.0.0.1:1", "http://127.0.0.1:2"],
  otlpHttp: ["http://127.0.0.1:3/v1/traces"],
  otlpGrpc: ["127.0.0.1:4"],
  rings: ["http://127.0.0.1:5/partition-ring"],
  jobs: "http://127.0.0.1:6/status/backendscheduler",
  s3: "http://127.0.0.1:7",
  bucket: "traces",
  kafka: "127.0.0.1:8",
  topic: "spans",
  dir: "/tmp/x",
  members: [
    { name: "querier-zone-a", url: "http://127.0.0.1:9", pid: 41 },
    { name: "distributor-zone-b", url: "http://127.0.0.1:10", pid: undefined },
  ],
  pids: [39, 40, 41],
};

Deno.test("every address is told, with what it is for once", () => {
  assert.deepEqual(addressLines(addresses), [
    "  queries         http://127.0.0.1:1",
    "                  http://127.0.0.1:2",
    "  OTLP over HTTP  http://127.0.0.1:3/v1/traces",
    "  OTLP over gRPC  127.0.0.1:4",
    "  rings           http://127.0.0.1:5/partition-ring",
    "  jobs on blocks  http://127.0.0.1:6/status/backendscheduler",
    "  S3              http://127.0.0.1:7, bucket traces, keys test and testsecret",
    "  Kafka           127.0.0.1:8, topic spans",
    "  logs            /tmp/x/*/segno.log",
    "",
    "  querier-zone-a      http://127.0.0.1:9/status  pid 41",
    "  distributor-zone-b  http://127.0.0.1:10/status  pid none",
  ]);
});
