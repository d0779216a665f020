// The index of a tenant: the peer's own equal field by field and byte by byte, every damage detected.
import assert from "node:assert/strict";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { CorruptionError, NotFoundError } from "../../lib/errors.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";
import { formatInstant } from "../../lib/rfc3339.ts";
import type { BlockMeta, DedicatedColumnMeta } from "../../model/block_meta.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { decodeIndex, encodeIndex } from "./index_proto.ts";
import {
  checked,
  indexJsonKey,
  indexProtoKey,
  packJson,
  packProto,
  readTenantIndex,
  type TenantIndex,
  unpackJson,
  unpackProto,
  writeTenantIndex,
} from "./tenant_index.ts";

const golden = (name: string) =>
  Deno.readFileSync(new URL(`../../tests/golden/tenant-index/${name}`, import.meta.url));
const goldenProto = golden("index.pb.zst");
const goldenJson = golden("index.json.gz");
const TENANT = "single-tenant";
const jsonText = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(gunzipSync(bytes)));

Deno.test("the peer's index is read from both of its forms, and they are equal", async () => {
  const fromProto = await checked(await unpackProto(goldenProto, "p"), TENANT, "p");
  const fromJson = await checked(await unpackJson(goldenJson, "j"), TENANT, "j");
  assert.deepEqual(fromProto, fromJson);
  const said = jsonText(goldenJson);
  assert.equal(fromProto.createdAt, said.created_at);
  assert.deepEqual(fromProto.live, said.meta);
  assert.deepEqual(fromProto.compacted, said.compacted);
  assert.equal(fromProto.live.length, 5);
  assert.equal(fromProto.compacted.length, 2);
  assert.equal(fromProto.isOurs, false);
  assert.deepEqual(fromProto.garbage, []);
});

Deno.test("written again, the peer's index has the same bytes of protobuf and the same JSON", async () => {
  const index = await checked(await unpackJson(goldenJson, "j"), TENANT, "j");
  const message = zstdDecompressSync(goldenProto);
  assert.deepEqual(zstdDecompressSync(await packProto(index)), message);
  assert.deepEqual(jsonText(await packJson(index)), jsonText(goldenJson));
});

Deno.test("an index is read from protobuf first, and from JSON where that is missing or damaged", async () => {
  const store = new MemoryObjectStore();
  await assert.rejects(readTenantIndex(store, TENANT), NotFoundError);
  const [older, newer] = [anIndex("2026-01-01T00:00:00Z"), anIndex("2026-01-02T00:00:00Z")];
  await store.write(indexJsonKey("acme"), await packJson(older));
  assert.equal((await readTenantIndex(store, "acme")).createdAt, older.createdAt);
  await store.write(indexProtoKey("acme"), await packProto(newer));
  assert.equal((await readTenantIndex(store, "acme")).createdAt, newer.createdAt);
  await store.write(indexProtoKey("acme"), goldenProto.subarray(0, 300));
  assert.equal((await readTenantIndex(store, "acme")).createdAt, older.createdAt);
  await store.write(indexJsonKey("acme"), goldenJson.subarray(0, 300));
  await assert.rejects(readTenantIndex(store, "acme"), {
    name: "CorruptionError",
    message: /acme\/index\.pb\.zst: not whole/,
  });
  await writeTenantIndex(store, "acme", newer);
  assert.deepEqual(await readTenantIndex(store, "acme"), { ...newer, garbage: [] });
  await store.delete(indexProtoKey("acme"));
  assert.deepEqual(await readTenantIndex(store, "acme"), { ...newer, garbage: [] });
});

Deno.test("an index cut anywhere, or with any byte changed, is corrupt or says the same", async () => {
  const whole = await checked(await unpackProto(goldenProto, "p"), TENANT, "p");
  const outcome = async (bytes: Uint8Array, unpack: typeof unpackProto) => {
    try {
      return await checked(await unpack(bytes, "k"), TENANT, "k");
    } catch (error) {
      if (error instanceof CorruptionError) return "corrupt";
      throw error;
    }
  };
  for (let length = 0; length < goldenProto.length; length++) {
    assert.equal(await outcome(goldenProto.subarray(0, length), unpackProto), "corrupt");
  }
  for (let at = 0; at < goldenProto.length; at++) {
    const bytes = goldenProto.slice();
    bytes[at]! ^= 1 << at % 8;
    const read = await outcome(bytes, unpackProto);
    if (read !== "corrupt") assert.deepEqual(read, whole, `byte ${at}`);
  }
  for (let length = 0; length < goldenJson.length; length++) {
    assert.equal(await outcome(goldenJson.subarray(0, length), unpackJson), "corrupt");
  }
});

Deno.test("what an index may not be is corrupt", async () => {
  const garbage: [string, unknown][] = [
    ["a list", []],
    ["nothing", null],
    ["without a time", { meta: [] }],
    ["of some time", { created_at: "now", meta: [] }],
    ["with blocks that are no list", { created_at: "2026-01-01T00:00:00Z", meta: {} }],
  ];
  for (const [what, value] of garbage) {
    const bytes = gzipSync(JSON.stringify(value));
    await assert.rejects(async () => await checked(await unpackJson(bytes, "k"), "acme", "k"), {
      name: "CorruptionError",
    }, what);
  }
  const noMessage = zstdCompressSync(new Uint8Array([0x12, 0x50, 1]));
  await assert.rejects(unpackProto(noMessage, "k"), CorruptionError);
  await assert.rejects(
    async () =>
      await checked(await unpackProto(zstdCompressSync(new Uint8Array()), "k"), "acme", "k"),
    CorruptionError,
    "nothing is no empty index",
  );
  const empty = gzipSync('{"created_at":"2026-01-01T00:00:00Z","meta":null}');
  assert.deepEqual((await checked(await unpackJson(empty, "k"), "acme", "k")).live, []);
});

Deno.test("an entry that is garbage is left out, the others are there", async () => {
  const good = aMeta(1);
  const compacted = { ...aMeta(2), compactedTime: "2026-01-01T00:00:00Z" };
  const { live, garbage, ...rest } = await checked(
    {
      createdAt: "2026-01-01T00:00:00Z",
      writer: "segno",
      live: [
        good,
        7,
        { ...aMeta(3), blockID: "ab" },
        { ...aMeta(4), tenantID: "other" },
        { ...aMeta(5), endTime: "" },
        { ...aMeta(6), dedicatedColumns: "[" },
        { ...aMeta(7), size: -1 },
        { ...aMeta(9), checksums: "[" },
      ],
      compacted: [compacted, aMeta(8)],
    },
    "acme",
    "key",
  );
  assert.deepEqual(live, [good]);
  assert.deepEqual(rest.compacted, [compacted]);
  assert.equal(garbage.length, 8);
});

Deno.test("fields that nobody knows are passed over, of any type and at every level", async () => {
  const index = anIndex("2026-01-01T00:00:00Z");
  const bytes = new ByteWriter();
  const writer = new ProtobufWriter(bytes);
  const unknown = () => {
    writer.varint(300, 7);
    writer.fixed64(301, 1, 2);
    writer.text(302, "later");
    bytes.append(new Uint8Array([0xed, 0x12, 1, 2, 3, 4])); // 301, four bytes
    writer.varint(11, 3);
    writer.text(12, "x");
  };
  const copy = (message: Uint8Array) => bytes.append(message);
  unknown();
  writer.message(1, () => {
    writer.varint64(1, 1_767_225_600, 0);
    unknown();
  });
  const [meta] = index.live;
  const inner = await encodeIndex({ ...index, live: [meta!], compacted: [], isOurs: false });
  // Behind the time: tag, length, meta.
  const metaBytes = inner.subarray(inner.indexOf(0x12) + 2);
  writer.message(2, () => {
    copy(metaBytes);
    unknown();
  });
  writer.message(3, () => {
    unknown();
    writer.message(1, () => copy(metaBytes));
    writer.message(2, () => writer.varint64(1, 1_767_225_600, 0));
  });
  const read = await checked(await decodeIndex(bytes.written()), "acme", "k");
  assert.deepEqual(read.live, [meta]);
  assert.deepEqual(read.compacted, [{ ...meta, compactedTime: "2026-01-01T00:00:00Z" }]);
  assert.equal(read.createdAt, "2026-01-01T00:00:00Z");
});

Deno.test("an index is read as it was written, in both forms", async () => {
  await fc.assert(
    fc.asyncProperty(indexes, async (index) => {
      const expected = { ...index, garbage: [] };
      const proto = await unpackProto(await packProto(index), "k");
      assert.deepEqual(await checked(proto, "acme", "k"), expected);
      const json = await unpackJson(await packJson(index), "k");
      assert.deepEqual(await checked(json, "acme", "k"), expected);
    }),
    { numRuns: 60 },
  );
});

const uuid = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;

function aMeta(n: number): BlockMeta {
  return {
    format: "vParquet5",
    blockID: uuid(n),
    tenantID: "acme",
    startTime: "2026-01-01T00:00:00Z",
    endTime: "2026-01-01T00:05:00Z",
    totalObjects: 3,
    size: 5_000_000_000,
    compactionLevel: 0,
    indexPageSize: 0,
    totalRecords: 1,
    bloomShards: 1,
    footerSize: 10,
    replicationFactor: 1,
  };
}

function anIndex(createdAt: string): TenantIndex {
  const replaces = [uuid(2), uuid(3)];
  return {
    createdAt,
    isOurs: true,
    live: [{ ...aMeta(1), replaces, totalSpans: 70, compactionLevel: 1 }, aMeta(4)],
    compacted: [{ ...aMeta(2), compactedTime: "2026-01-01T00:06:00.25Z" }],
  };
}

const plain = { noNullPrototype: true } as const;
const natural = fc.oneof(fc.nat(200), fc.maxSafeNat());
const instants = fc.record({
  seconds: fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
}, plain).map(formatInstant);
const columns: fc.Arbitrary<DedicatedColumnMeta[]> = fc.array(
  fc.record({
    s: fc.constantFrom("resource", "span", "event"),
    n: fc.string({ unit: "binary" }),
    t: fc.constantFrom("string", "int"),
    o: fc.uniqueArray(fc.constantFrom("array", "blob")),
  }, { ...plain, requiredKeys: ["n"] }),
  { maxLength: 4 },
);
const ids = fc.uuid();
const metas: fc.Arbitrary<BlockMeta> = fc.record({
  format: fc.constantFrom("vParquet4", "vParquet5"),
  blockID: ids,
  tenantID: fc.constant("acme"),
  startTime: instants,
  endTime: instants,
  totalObjects: natural,
  size: natural,
  compactionLevel: natural,
  indexPageSize: fc.constant(0),
  totalRecords: natural,
  bloomShards: natural,
  footerSize: natural,
  replicationFactor: natural,
  dedicatedColumns: columns,
  totalSpans: natural,
  checksums: fc.record({
    bloom: fc.array(natural, { maxLength: 2 }),
    footer: natural,
    offsetIndexes: fc.array(natural, { maxLength: 2 }),
    meta: natural,
  }, plain),
  replaces: fc.array(ids, { minLength: 1, maxLength: 4 }),
}, {
  ...plain,
  requiredKeys: [
    ...["format", "blockID", "tenantID", "startTime", "endTime", "totalObjects", "size"] as const,
    ...["compactionLevel", "indexPageSize", "totalRecords", "bloomShards", "footerSize"] as const,
    "replicationFactor",
  ],
});
const indexes: fc.Arbitrary<TenantIndex> = fc.record({
  createdAt: instants,
  isOurs: fc.constant(true),
  live: fc.array(metas, { maxLength: 5 }),
  compacted: fc.array(
    fc.tuple(metas, instants).map(([meta, compactedTime]) => ({ ...meta, compactedTime })),
    { maxLength: 5 },
  ),
}, plain);
