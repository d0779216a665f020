// An index of 10,000 blocks: what of it holds up the thread, and what the whole takes.
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { decodeIndex, encodeIndex } from "./index_proto.ts";
import {
  checked,
  packJson,
  packProto,
  type TenantIndex,
  unpackJson,
  unpackProto,
} from "./tenant_index.ts";

const index: TenantIndex = {
  createdAt: "2026-01-01T12:00:00Z",
  isOurs: true,
  live: Array.from({ length: 10_000 }, (_, n) => aMeta(n)),
  compacted: [],
};
const message = await encodeIndex(index);
const [proto, json] = [await packProto(index), await packJson(index)];

Deno.bench("protobuf: encode", async () => void await encodeIndex(index));
Deno.bench("protobuf: decode", async () => void await decodeIndex(message));
Deno.bench("protobuf in zstd: written", async () => void await packProto(index));
Deno.bench("protobuf in zstd: read and checked", async () => {
  await checked(await unpackProto(proto, "k"), "acme", "k");
});
Deno.bench("JSON in gzip: written", async () => void await packJson(index));
Deno.bench("JSON in gzip: read and checked", async () => {
  await checked(await unpackJson(json, "k"), "acme", "k");
});

function aMeta(n: number): BlockMeta {
  const noise = (Math.imul(n, 2_654_435_761) >>> 0).toString(16).padStart(8, "0");
  const time = (minutes: number) =>
    new Date(1_767_268_800_000 + minutes * 60_000).toISOString().replace(".000", "");
  return {
    format: "vParquet5",
    blockID: `${noise}-0000-4000-8000-${String(n).padStart(12, "0")}`,
    tenantID: "acme",
    startTime: time(n),
    endTime: time(n + 5),
    totalObjects: 1000 + n,
    size: 10_000_000 + Math.imul(n, 7919) % 1_000_000,
    compactionLevel: n % 3,
    indexPageSize: 0,
    totalRecords: 2,
    bloomShards: 1,
    footerSize: 17_000 + n % 500,
    dedicatedColumns: defaultDedicated.columns,
    replicationFactor: 1,
    totalSpans: 150_000 + n,
  };
}
