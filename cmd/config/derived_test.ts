import assert from "node:assert/strict";

import { defaultLimits } from "../../model/limits.ts";
import {
  blocksPath,
  httpAddress,
  limitsFrom,
  logPath,
  parseAddress,
  partitionCount,
  receiverAddresses,
  workerCount,
} from "./derived.ts";
import { ConfigSchema, defaultConfig } from "./schema.ts";

Deno.test("with no receiver named both OTLP receivers listen on localhost", () => {
  assert.deepEqual(receiverAddresses(defaultConfig()), {
    grpc: { host: "localhost", port: 4317, messageBytesMax: 16 << 20 },
    http: { host: "localhost", port: 4318, bodyBytesMax: 20 << 20 },
  });
});

Deno.test("only the protocols that are named run", () => {
  const config = ConfigSchema.parse({
    distributor: { receivers: { otlp: { protocols: { grpc: { endpoint: "[::1]:14317" } } } } },
  });
  assert.deepEqual(receiverAddresses(config), {
    grpc: { host: "::1", port: 14317, messageBytesMax: 16 << 20 },
    http: undefined,
  });
  const none = ConfigSchema.parse({ distributor: { receivers: { jaeger: {} } } });
  assert.deepEqual(receiverAddresses(none), { grpc: undefined, http: undefined });
});

Deno.test("an address without a host is every interface; a broken one is told", () => {
  assert.deepEqual(parseAddress(":4317", "x"), { host: "0.0.0.0", port: 4317 });
  for (const text of ["", "host", "host:", "host:x", "host:70000", "a:b:1", "::1:4317"]) {
    assert.throws(() => parseAddress(text, "a.b"), { message: /^a\.b: expected host:port, not "/ });
  }
});

Deno.test("paths lie below the data path unless set", () => {
  const config = ConfigSchema.parse({ segno: { data_path: "/d" } });
  assert.equal(logPath(config), "/d/log");
  assert.equal(blocksPath(config), "/d/blocks");
  config.storage.trace.local.path = "/b";
  assert.equal(blocksPath(config), "/b");
  assert.deepEqual(httpAddress(config), { host: "0.0.0.0", port: 3200 });
});

Deno.test("a worker for each core but one, a partition for each worker, at least one", () => {
  const config = defaultConfig();
  assert.deepEqual([1, 2, 8].map((cores) => workerCount(config, cores)), [1, 1, 7]);
  assert.equal(partitionCount(config, 8), 7);
  config.segno.workers = 0;
  assert.equal(workerCount(config, 8), 0);
  assert.equal(partitionCount(config, 8), 1);
  config.segno.partitions = 5;
  assert.equal(partitionCount(config, 8), 5);
});

Deno.test("default limits are the model's, but for the attribute size that the distributor sets", () => {
  assert.deepEqual(limitsFrom(defaultConfig()), {
    ...defaultLimits,
    ingestion: { ...defaultLimits.ingestion, maxAttributeBytes: 2048 },
  });
});
