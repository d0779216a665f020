// What a block says of itself, checked: its meta.json, or its entry in an index of blocks. What other
// fields there are is not looked at.
// Rules: a meta that does not say what a reader needs, or a meta.json not what was sealed, is corrupt, and
// its block stays hidden. The seal is a checksum of all fields but itself and `compactedTime`, which comes
// later; who does not know it leaves it away when a meta is written anew, and then there is none.
import { crc32 } from "node:zlib";
import type { BlockChecksums, BlockMeta, DedicatedColumnMeta } from "../model/block_meta.ts";
import type { FooterChecksums } from "./parquet/footer.ts";
import { CorruptionError } from "../lib/errors.ts";
import { parseInstant } from "../lib/rfc3339.ts";

/** With the checksums of the block's bloom objects, of the footer of its data, and of the meta. */
export function sealedMeta(
  meta: BlockMeta,
  blooms: readonly Uint8Array[],
  { footer, offsetIndexes }: FooterChecksums,
): BlockMeta {
  const checksums = { bloom: blooms.map((file) => crc32(file)), footer, offsetIndexes };
  return { ...meta, checksums: { ...checksums, meta: sealOf({ ...meta, checksums }) } };
}

/** The same whatever the order of fields, and however numbers and texts were written. */
function sealOf(meta: object): number {
  return crc32(JSON.stringify(meta, (name, value) => {
    if (name === "compactedTime" || typeof value !== "object") {
      return name === "compactedTime" ? undefined : value;
    }
    if (value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
  }));
}

const FORMAT = /^vParquet[3-9]$/;

/** `key` is where it lies, `<tenant>/<block id>/…`: a meta must speak of the block beside it. */
export function parseBlockMeta(bytes: Uint8Array, key: string): BlockMeta {
  let meta: unknown;
  try {
    meta = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new CorruptionError("not JSON", 0, key);
  }
  const [tenant, blockId] = key.split("/");
  const checked = blockMetaOf(meta, tenant!, blockId, key);
  if (!isAsSealed(meta as BlockMeta)) {
    throw new CorruptionError("fields are not as they were written", 0, key);
  }
  return checked;
}

const BLOCK_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `blockId` undefined: that of any block. `key` is for the message. */
export function blockMetaOf(
  meta: unknown,
  tenant: string,
  blockId: string | undefined,
  key: string,
): BlockMeta {
  const problem = problemOf(meta, tenant, blockId);
  if (problem !== undefined) throw new CorruptionError(problem, 0, key);
  const { totalObjects = 0, compactionLevel = 0, indexPageSize = 0, ...rest } = meta as BlockMeta;
  const { totalRecords = 0, replicationFactor = 0 } = rest;
  return { ...rest, totalObjects, compactionLevel, indexPageSize, totalRecords, replicationFactor };
}

function problemOf(
  meta: unknown,
  tenant: string,
  blockId: string | undefined,
): string | undefined {
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) return "not an object";
  const fields = meta as Record<string, unknown>;
  if (typeof fields.format !== "string" || !FORMAT.test(fields.format)) {
    return `format ${JSON.stringify(fields.format)}`;
  }
  if (!isBlockId(fields.blockID) || fields.blockID !== (blockId ?? fields.blockID)) {
    return `block id ${JSON.stringify(fields.blockID)}`;
  }
  if (fields.tenantID !== tenant) return `tenant ${JSON.stringify(fields.tenantID)}`;
  for (const name of ["startTime", "endTime"]) {
    const time = fields[name];
    if (typeof time !== "string" || parseInstant(time) === undefined) {
      return `${name} ${JSON.stringify(time)}`;
    }
  }
  for (const name of ["size", "footerSize", "bloomShards"]) {
    if (!isNatural(fields[name])) return `${name} ${JSON.stringify(fields[name])}`;
  }
  const optional = ["totalObjects", "totalRecords", "compactionLevel", "totalSpans"];
  for (const name of [...optional, "indexPageSize", "replicationFactor"]) {
    if (fields[name] !== undefined && !isNatural(fields[name])) {
      return `${name} ${JSON.stringify(fields[name])}`;
    }
  }
  const replaces = fields.replaces ?? [];
  if (!Array.isArray(replaces) || !replaces.every(isBlockId)) return "replaced blocks";
  const dedicated = fields.dedicatedColumns ?? [];
  if (!Array.isArray(dedicated) || !dedicated.every(isDedicated)) return "dedicated columns";
  if (fields.checksums !== undefined && !areChecksums(fields.checksums)) return "checksums";
}

function areChecksums(value: unknown): value is BlockChecksums {
  if (typeof value !== "object" || value === null) return false;
  const { bloom, footer, offsetIndexes, meta } = value as Record<string, unknown>;
  const areNaturals = (list: unknown) => Array.isArray(list) && list.every(isNatural);
  return areNaturals(bloom) && isNatural(footer) && areNaturals(offsetIndexes) && isNatural(meta);
}

const isBlockId = (value: unknown) => typeof value === "string" && BLOCK_ID.test(value);

function isAsSealed(meta: BlockMeta): boolean {
  if (meta.checksums === undefined) return true;
  const { meta: seal, ...checksums } = meta.checksums;
  return seal === sealOf({ ...meta, checksums });
}

function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDedicated(entry: unknown): entry is DedicatedColumnMeta {
  if (typeof entry !== "object" || entry === null) return false;
  const { s = "span", n, t = "string" } = entry as Record<string, unknown>;
  return typeof n === "string" && ["resource", "span", "event"].includes(s as string) &&
    ["string", "int"].includes(t as string);
}
