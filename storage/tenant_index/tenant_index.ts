// A tenant's index: all its blocks in one object, so that whoever only reads need not list the bucket.
//
//   <tenant>/index.pb.zst    protobuf in zstd; what is read
//   <tenant>/index.json.gz   the same as JSON, for those that know no other
//
// Rules: an index is whole or corrupt; an entry that is garbage hides its block alone; what an index
// says is what its builder saw at `createdAt`, by the builder's clock.
// Format: docs/formats/tenant_index.md.
import { promisify } from "node:util";
import { constants, gunzip, gzip, zstdCompress, zstdDecompress } from "node:zlib";
import { CorruptionError, NotFoundError } from "../../lib/errors.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import { parseInstant } from "../../lib/rfc3339.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { blockMetaOf } from "../meta_json.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { inSteps } from "../../lib/waiting.ts";
import { decodeIndex, encodeIndex, ENTRIES_PER_STEP, type IndexFields } from "./index_proto.ts";
import { isWholeZstd } from "./whole_zstd.ts";

export interface TenantIndex {
  /** RFC 3339. */
  readonly createdAt: string;
  /** Written by us: then its metas have our own fields, where the blocks' do. */
  readonly isOurs: boolean;
  readonly live: readonly BlockMeta[];
  /** Each with its `compactedTime`. */
  readonly compacted: readonly BlockMeta[];
}

export interface ReadTenantIndex extends TenantIndex {
  /** Why entries were left out. */
  readonly garbage: readonly CorruptionError[];
}

export const indexProtoKey = (tenant: string) => `${tenant}/index.pb.zst`;
export const indexJsonKey = (tenant: string) => `${tenant}/index.json.gz`;

/** More than three hundred thousand blocks. */
const INDEX_BYTES_MAX = 256 << 20;

/** NotFoundError if there is none, CorruptionError if none can be read. */
export async function readTenantIndex(
  store: ObjectStore,
  tenant: string,
  signal?: AbortSignal,
): Promise<ReadTenantIndex> {
  let corruption: CorruptionError | undefined;
  for (
    const [key, unpack] of [
      [indexProtoKey(tenant), unpackProto],
      [indexJsonKey(tenant), unpackJson],
    ] as const
  ) {
    try {
      const bytes = await store.read(key, undefined, signal);
      return await checked(await unpack(bytes, key), tenant, key);
    } catch (error) {
      if (error instanceof CorruptionError) corruption ??= error;
      else if (!(error instanceof NotFoundError)) throw error;
    }
  }
  throw corruption ?? new NotFoundError(`tenant ${tenant} has no index`);
}

export async function writeTenantIndex(
  store: ObjectStore,
  tenant: string,
  index: TenantIndex,
  signal?: AbortSignal,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  await store.write(indexProtoKey(tenant), await packProto(index), options);
  await store.write(indexJsonKey(tenant), await packJson(index), options);
}

const zstd = promisify<Uint8Array, object, Uint8Array>(zstdCompress);
const unzstd = promisify<Uint8Array, object, Uint8Array>(zstdDecompress);
const zip = promisify<Uint8Array, object, Uint8Array>(gzip);
const unzip = promisify<Uint8Array, object, Uint8Array>(gunzip);

export async function packProto(index: TenantIndex): Promise<Uint8Array> {
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  return await zstd(await encodeIndex(index), { params });
}

export async function packJson(index: TenantIndex): Promise<Uint8Array> {
  const parts = [`{"created_at":${JSON.stringify(index.createdAt)}`];
  for (const [name, metas] of [["meta", index.live], ["compacted", index.compacted]] as const) {
    const texts: string[] = [];
    await inSteps(metas, ENTRIES_PER_STEP, (meta) => texts.push(JSON.stringify(meta)));
    parts.push(`,"${name}":[${texts.join(",")}]`);
  }
  parts.push(index.isOurs ? ',"writer":"segno"}' : "}");
  return await zip(new TextEncoder().encode(parts.join("")), {});
}

export async function unpackProto(bytes: Uint8Array, key: string): Promise<IndexFields> {
  if (!isWholeZstd(bytes)) throw new CorruptionError("not whole", bytes.length, key);
  const message = await unpacked(unzstd, bytes, key);
  try {
    return await decodeIndex(message);
  } catch (error) {
    // Text that is not UTF-8 is a TypeError.
    if (!(error instanceof ProtobufError || error instanceof TypeError)) throw error;
    throw new CorruptionError(error.message, 0, key);
  }
}

export async function unpackJson(bytes: Uint8Array, key: string): Promise<IndexFields> {
  const text = await unpacked(unzip, bytes, key);
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text)) ?? {};
  } catch {
    throw new CorruptionError("not JSON", 0, key);
  }
  const { created_at: createdAt, meta, compacted, writer } = fields;
  return { createdAt, writer, live: listOf(meta, key), compacted: listOf(compacted, key) };
}

/** Go writes an empty list as null. */
function listOf(value: unknown, key: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new CorruptionError("blocks are no list", 0, key);
  return value;
}

async function unpacked(
  unpack: (bytes: Uint8Array, options: object) => Promise<Uint8Array>,
  bytes: Uint8Array,
  key: string,
): Promise<Uint8Array> {
  try {
    return await unpack(bytes, { maxOutputLength: INDEX_BYTES_MAX });
  } catch (error) {
    throw new CorruptionError(error instanceof Error ? error.message : String(error), 0, key);
  }
}

export async function checked(
  fields: IndexFields,
  tenant: string,
  key: string,
): Promise<ReadTenantIndex> {
  const { createdAt, writer } = fields;
  if (typeof createdAt !== "string" || parseInstant(createdAt) === undefined) {
    throw new CorruptionError(`created at ${JSON.stringify(createdAt)}`, 0, key);
  }
  const garbage: CorruptionError[] = [];
  const metasOf = async (entries: readonly unknown[], mustBeCompacted: boolean) => {
    const metas: BlockMeta[] = [];
    await inSteps(entries, ENTRIES_PER_STEP, (entry) => {
      try {
        const meta = blockMetaOf(entry, tenant, undefined, key);
        if (mustBeCompacted && !isTime(meta.compactedTime)) {
          throw new CorruptionError(`compacted at ${meta.compactedTime}`, 0, key);
        }
        metas.push(meta);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        garbage.push(error);
      }
    });
    return metas;
  };
  return {
    createdAt,
    isOurs: writer === "segno",
    live: await metasOf(fields.live, false),
    compacted: await metasOf(fields.compacted, true),
    garbage,
  };
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && parseInstant(value) !== undefined;
}
