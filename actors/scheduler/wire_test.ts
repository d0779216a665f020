import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import type { GivenJob, JobResult, JobUpdate, RedactionWish } from "./job.ts";
import * as wire from "./wire.ts";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const id = fc.uuid();
const ids = fc.array(id, { maxLength: 4 });
const natural = fc.nat();
const seconds = fc.integer({ min: 0, max: 4_000_000_000 });

const wish: fc.Arbitrary<RedactionWish> = record({
  traceIds: fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }).map((b) => b.toHex())),
  query: fc.string(),
  mode: fc.constantFrom("apply" as const, "dry_run" as const),
  startSeconds: seconds,
  endSeconds: seconds,
  requestedBy: fc.string(),
});

const given: fc.Arbitrary<GivenJob> = record({
  job: record({
    id,
    tenant: fc.string(),
    detail: fc.oneof(
      record({ kind: fc.constant("compaction" as const), inputs: ids }),
      record({
        kind: fc.constant("retention" as const),
        expired: ids,
        deletable: ids,
        leftovers: fc.array(record({
          kind: fc.constantFrom("unfinished" as const, "flagged" as const, "unreadable" as const),
          blockId: id,
        })),
      }),
      record({ kind: fc.constant("redaction" as const), batchId: id, blockId: id, wish }),
    ),
  }),
  nowMs: fc.integer({ min: 1, max: 4e12 }),
});

const result: fc.Arbitrary<JobResult> = fc.oneof(
  record({ kind: fc.constant("compaction" as const), outputs: ids, gone: ids, flagged: ids }),
  record({ kind: fc.constant("retention" as const), marked: ids, deleted: ids }),
  record({
    kind: fc.constant("redaction" as const),
    traces: natural,
    spans: natural,
    outputs: ids,
    isGone: fc.boolean(),
  }),
);

const who = { jobId: id, worker: fc.string() };
const update: fc.Arbitrary<JobUpdate> = fc.oneof(
  record({ ...who, status: fc.constantFrom("running" as const, "given_back" as const) }),
  record({ ...who, status: fc.constant("failed" as const), error: fc.string() }),
  record({ ...who, status: fc.constant("succeeded" as const), result }),
);

Deno.test("what is encoded is decoded as it was", () => {
  fc.assert(fc.property(given, (given) => {
    assert.deepEqual(wire.decodeGiven(wire.encodeGiven(given), 0), given);
  }));
  fc.assert(fc.property(update, (update) => {
    const kind = update.status === "succeeded" ? update.result.kind : undefined;
    assert.deepEqual(wire.decodeUpdate(wire.encodeUpdate(update), () => kind), update);
  }));
  fc.assert(fc.property(wish, (wish) => {
    assert.deepEqual(wire.decodeWish(wire.encodeWish(wish)), wish);
  }));
  fc.assert(fc.property(fc.string(), natural, (worker, leaseMs) => {
    const next = { worker, leaseMs };
    assert.deepEqual(wire.decodeNext(wire.encodeNext(next)), next);
    const submitted = { batchId: worker, jobs: leaseMs };
    assert.deepEqual(wire.decodeSubmitted(wire.encodeSubmitted(submitted)), submitted);
  }));
  for (const isFine of [true, false]) {
    assert.equal(wire.decodeUpdated(wire.encodeUpdated(isFine)), isFine);
  }
});

Deno.test("bytes that are cut or changed are refused or read as something, never more than that", () => {
  fc.assert(fc.property(given, fc.nat(), fc.nat(255), (given, at, byte) => {
    const bytes = wire.encodeGiven(given);
    const changed = bytes.slice();
    changed[at % bytes.length] = byte;
    for (const some of [changed, bytes.slice(0, at % bytes.length)]) {
      for (const decode of [wire.decodeWish, wire.decodeNext, wire.decodeUpdated]) {
        refusedOrRead(() => decode(some));
      }
      refusedOrRead(() => wire.decodeGiven(some, 1));
      refusedOrRead(() => wire.decodeUpdate(some, () => "retention"));
    }
  }));
});

function refusedOrRead(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
  }
}

// The peer's part of the messages, docs/formats/scheduler.md.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Next { string worker_id = 1; }
  message Compaction { repeated string input = 1; repeated string output = 2; }
  message Query { string query = 1; }
  message Redaction {
    string block_id = 1; repeated bytes trace_ids = 2; Query query = 3; int32 mode = 4;
    uint64 start = 5; uint64 end = 6;
  }
  message Detail { string tenant = 1; Compaction compaction = 2; Redaction redaction = 4;
    string batch_id = 5; }
  message Given { string job_id = 1; int32 type = 2; Detail detail = 3; }
  message Found { int64 traces_found = 1; }
  message Update { string job_id = 1; int32 status = 2; string error = 3; Compaction compaction = 4;
    Found redaction = 5; }
`);
const decoded = (name: string, bytes: Uint8Array) => {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String, bytes: String });
};
const encoded = (name: string, value: object) => root.lookupType(name).encode(value).finish();

Deno.test("the peer reads the numbers it knows, and skips ours", () => {
  const wish: RedactionWish = {
    traceIds: ["0".repeat(30) + "ff"],
    query: "",
    mode: "dry_run",
    startSeconds: 1_767_268_800,
    endSeconds: 1_767_268_900,
    requestedBy: "x",
  };
  assert.deepEqual(decoded("Next", wire.encodeNext({ worker: "w", leaseMs: 9 })), {
    workerId: "w",
  });
  const compaction = { kind: "compaction", inputs: ["a", "b"] } as const;
  const job = { id: "1", tenant: "t", detail: compaction };
  assert.deepEqual(decoded("Given", wire.encodeGiven({ job, nowMs: 5 })), {
    jobId: "1",
    type: 1,
    detail: { tenant: "t", compaction: { input: ["a", "b"] } },
  });
  const redaction = { kind: "redaction", batchId: "B", blockId: "b", wish } as const;
  const given = { job: { ...job, detail: redaction }, nowMs: 5 };
  assert.deepEqual(decoded("Given", wire.encodeGiven(given)), {
    jobId: "1",
    type: 3,
    detail: {
      tenant: "t",
      batchId: "B",
      redaction: {
        blockId: "b",
        traceIds: ["AAAAAAAAAAAAAAAAAAAA/w=="],
        mode: 1,
        start: "1767268800000000000",
        end: "1767268900000000000",
      },
    },
  });
});

Deno.test("what the peer's workers and schedulers say is understood", () => {
  const bytes = encoded("Update", { jobId: "1", status: 1, compaction: { output: ["c"] } });
  assert.deepEqual(wire.decodeUpdate(bytes, () => "compaction"), {
    jobId: "1",
    worker: "",
    status: "succeeded",
    result: { kind: "compaction", outputs: ["c"], gone: [], flagged: [] },
  });
  assert.deepEqual(
    wire.decodeUpdate(encoded("Update", { jobId: "1", status: 1 }), () => "retention"),
    {
      jobId: "1",
      worker: "",
      status: "succeeded",
      result: { kind: "retention", marked: [], deleted: [] },
    },
  );
  assert.throws(() => wire.decodeUpdate(encoded("Update", { jobId: "1" }), () => "retention"), {
    name: "ProtobufError",
  });
  const given = { jobId: "1", type: 1, detail: { tenant: "t", compaction: { input: ["a"] } } };
  assert.deepEqual(wire.decodeGiven(encoded("Given", given), 77), {
    job: { id: "1", tenant: "t", detail: { kind: "compaction", inputs: ["a"] } },
    nowMs: 77,
  });
});
