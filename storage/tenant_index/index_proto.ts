// The protobuf message of a tenant index. Reading gives the fields as meta.json has them, unchecked.
// Rule: what is not known is passed over; a value that is absent is zero.
// Fields, and how they were found: docs/formats/tenant_index.md.
import { ByteWriter } from "../../lib/byte_writer.ts";
import { ProtobufError, ProtobufReader, WireType } from "../../lib/protobuf_reader.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";
import { inSteps } from "../../lib/waiting.ts";
import { formatInstant, parseInstant } from "../../lib/rfc3339.ts";
import type { BlockMeta, DedicatedColumnMeta } from "../../model/block_meta.ts";
import type { TenantIndex } from "./tenant_index.ts";

/** What is read, before it is checked. */
export interface IndexFields {
  readonly createdAt: unknown;
  readonly writer: unknown;
  readonly live: readonly unknown[];
  readonly compacted: readonly unknown[];
}

const Index = { createdAt: 1, live: 2, compacted: 3, writer: 2001 } as const;
const Compacted = { meta: 1, time: 2 } as const;
const Time = { seconds: 1, nanos: 2 } as const;
const Meta = {
  format: 1,
  blockId: 2,
  tenant: 5,
  startTime: 6,
  endTime: 7,
  totalObjects: 8,
  size: 9,
  compactionLevel: 10,
  totalRecords: 13,
  bloomShards: 15,
  footerSize: 16,
  dedicatedColumns: 17,
  replicationFactor: 18,
  // Ours: far from numbers that the peer may come to use.
  replaces: 2001,
  totalSpans: 2002,
  checksums: 2003,
} as const;

/** About 5 ms: an index may have very many, and the thread has other things to do. */
export const ENTRIES_PER_STEP = 200;

/** The compacted ones must say since when. */
export async function encodeIndex(index: TenantIndex): Promise<Uint8Array> {
  const bytes = new ByteWriter(1 << 16);
  const writer = new ProtobufWriter(bytes);
  writeTime(writer, Index.createdAt, index.createdAt);
  await inSteps(index.live, ENTRIES_PER_STEP, (meta) => {
    writer.message(Index.live, () => writeMeta(writer, meta));
  });
  await inSteps(index.compacted, ENTRIES_PER_STEP, (meta) => {
    writer.message(Index.compacted, () => {
      writer.message(Compacted.meta, () => writeMeta(writer, meta));
      writeTime(writer, Compacted.time, meta.compactedTime!);
    });
  });
  if (index.isOurs) writer.text(Index.writer, "segno");
  return bytes.written();
}

function writeMeta(writer: ProtobufWriter, meta: BlockMeta): void {
  writer.text(Meta.format, meta.format);
  writer.binary(Meta.blockId, uuidBytes(meta.blockID));
  writer.text(Meta.tenant, meta.tenantID);
  writeTime(writer, Meta.startTime, meta.startTime);
  writeTime(writer, Meta.endTime, meta.endTime);
  writeNatural(writer, Meta.totalObjects, meta.totalObjects);
  writeNatural(writer, Meta.size, meta.size);
  writeNatural(writer, Meta.compactionLevel, meta.compactionLevel);
  writeNatural(writer, Meta.totalRecords, meta.totalRecords);
  writeNatural(writer, Meta.bloomShards, meta.bloomShards);
  writeNatural(writer, Meta.footerSize, meta.footerSize);
  if (meta.dedicatedColumns !== undefined) {
    writer.binary(Meta.dedicatedColumns, dedicatedText(meta.dedicatedColumns));
  }
  writeNatural(writer, Meta.replicationFactor, meta.replicationFactor);
  for (const id of meta.replaces ?? []) writer.binary(Meta.replaces, uuidBytes(id));
  if (meta.checksums !== undefined) writer.text(Meta.checksums, JSON.stringify(meta.checksums));
  const { totalSpans } = meta;
  if (totalSpans !== undefined) {
    writer.varint64(Meta.totalSpans, totalSpans % 2 ** 32, Math.floor(totalSpans / 2 ** 32));
  }
}

function writeNatural(writer: ProtobufWriter, field: number, value: number): void {
  if (value !== 0) writer.varint64(field, value % 2 ** 32, Math.floor(value / 2 ** 32));
}

function writeTime(writer: ProtobufWriter, field: number, text: string): void {
  const instant = parseInstant(text);
  if (instant === undefined) throw new RangeError(`no instant: ${text}`);
  const { seconds, nanos } = instant;
  writer.message(field, () => {
    if (seconds !== 0) {
      writer.varint64(Time.seconds, seconds | 0, Math.floor(seconds / 2 ** 32));
    }
    writer.varint(Time.nanos, nanos);
  });
}

/** Few lists describe many blocks. */
const dedicatedTexts = new WeakMap<readonly DedicatedColumnMeta[], Uint8Array>();

function dedicatedText(columns: readonly DedicatedColumnMeta[]): Uint8Array {
  let text = dedicatedTexts.get(columns);
  if (text === undefined) {
    text = new TextEncoder().encode(JSON.stringify(columns));
    dedicatedTexts.set(columns, text);
  }
  return text;
}

/** Rejects with ProtobufError if the bytes are no such message. */
export function decodeIndex(bytes: Uint8Array): Promise<IndexFields> {
  return new IndexDecoder(bytes).index();
}

class IndexDecoder {
  readonly #reader = new ProtobufReader();
  readonly #text = new TextDecoder("utf-8", { fatal: true });
  /** By their text: metas with the same columns share one list. */
  readonly #dedicated = new Map<string, unknown>();

  constructor(readonly bytes: Uint8Array) {
    this.#reader.reset(bytes);
  }

  async index(): Promise<IndexFields> {
    let createdAt: string | undefined;
    let writer: string | undefined;
    const live: unknown[] = [];
    const compacted: unknown[] = [];
    await inSteps(this.#fields(this.bytes.length), ENTRIES_PER_STEP, ({ field, end }) => {
      if (end === undefined) return;
      if (field === Index.createdAt) createdAt = this.#time(end);
      else if (field === Index.live) live.push(this.#meta(end));
      else if (field === Index.compacted) compacted.push(this.#compacted(end));
      else if (field === Index.writer) writer = this.#string(end);
    });
    return { createdAt, writer, live, compacted };
  }

  #compacted(end: number): unknown {
    let meta: Record<string, unknown> = {};
    let compactedTime: string | undefined;
    for (const { field, end: bodyEnd } of this.#fields(end)) {
      if (bodyEnd === undefined) continue;
      if (field === Compacted.meta) meta = this.#meta(bodyEnd);
      else if (field === Compacted.time) compactedTime = this.#time(bodyEnd);
    }
    return { ...meta, compactedTime };
  }

  #meta(end: number): Record<string, unknown> {
    const meta: Record<string, unknown> = { ...ZERO_META };
    for (const { field, end: bodyEnd, value } of this.#fields(end)) {
      if (bodyEnd !== undefined) this.#body(meta, field, bodyEnd);
      else if (NUMBERS[field] !== undefined) meta[NUMBERS[field]] = value;
    }
    return meta;
  }

  #body(meta: Record<string, unknown>, field: number, end: number): void {
    switch (field) {
      case Meta.format:
        meta.format = this.#string(end);
        break;
      case Meta.blockId:
        meta.blockID = this.#uuid(end);
        break;
      case Meta.tenant:
        meta.tenantID = this.#string(end);
        break;
      case Meta.startTime:
        meta.startTime = this.#time(end);
        break;
      case Meta.endTime:
        meta.endTime = this.#time(end);
        break;
      case Meta.dedicatedColumns:
        meta.dedicatedColumns = this.#columns(end);
        break;
      case Meta.checksums:
        meta.checksums = parsedOr(this.#string(end));
        break;
      case Meta.replaces:
        meta.replaces = [...(meta.replaces as string[] | undefined) ?? [], this.#uuid(end)];
    }
  }

  #columns(end: number): unknown {
    const text = this.#string(end);
    if (text === "") return undefined;
    if (!this.#dedicated.has(text)) this.#dedicated.set(text, parsedOr(text));
    return this.#dedicated.get(text);
  }

  #time(end: number): string {
    let seconds = 0;
    let nanos = 0;
    for (const { field, value } of this.#fields(end)) {
      if (field === Time.seconds) seconds = value;
      else if (field === Time.nanos) nanos = value;
    }
    try {
      return formatInstant({ seconds, nanos });
    } catch (error) {
      if (error instanceof RangeError) return ""; // no time, and refused as such
      throw error;
    }
  }

  #string(end: number): string {
    return this.#text.decode(this.#bytesTo(end));
  }

  #uuid(end: number): string {
    const hex = this.#bytesTo(end).toHex();
    if (hex.length !== 32) return hex; // no block id, and refused as such
    return [0, 8, 12, 16, 20].map((from, i, at) => hex.slice(from, at[i + 1])).join("-");
  }

  #bytesTo(end: number): Uint8Array {
    return this.bytes.subarray(this.#reader.position, end);
  }

  /**
   * Of a message that ends there: the end of a value that has a length, which need not be read, or the
   * number. What is yielded is used again.
   */
  *#fields(end: number): Generator<Field> {
    const reader = this.#reader;
    const found: { -readonly [K in keyof Field]: Field[K] } = {
      field: 0,
      end: undefined,
      value: 0,
    };
    while (reader.position < end) {
      const tag = reader.tag(end);
      found.field = tag >>> 3;
      switch (tag & 7) {
        case WireType.Bytes: {
          const bodyEnd = reader.lengthEnd(end);
          found.end = bodyEnd;
          found.value = 0;
          yield found;
          reader.position = bodyEnd;
          break;
        }
        case WireType.Varint: {
          const low = reader.varint64(end);
          found.end = undefined;
          found.value = reader.high * 2 ** 32 + (low >>> 0);
          yield found;
          break;
        }
        default:
          reader.skip(tag, end);
      }
    }
    if (reader.position !== end) throw new ProtobufError("value exceeds its message", end);
  }
}

interface Field {
  readonly field: number;
  readonly end: number | undefined;
  readonly value: number;
}

const NUMBERS: Readonly<Record<number, keyof BlockMeta>> = {
  [Meta.totalObjects]: "totalObjects",
  [Meta.size]: "size",
  [Meta.compactionLevel]: "compactionLevel",
  [Meta.totalRecords]: "totalRecords",
  [Meta.bloomShards]: "bloomShards",
  [Meta.footerSize]: "footerSize",
  [Meta.replicationFactor]: "replicationFactor",
  [Meta.totalSpans]: "totalSpans",
};

const ZERO_META = {
  totalObjects: 0,
  size: 0,
  compactionLevel: 0,
  indexPageSize: 0,
  totalRecords: 0,
  bloomShards: 0,
  footerSize: 0,
  replicationFactor: 0,
} as const;

/** What is not JSON stays a text, and is refused as such. */
function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function uuidBytes(id: string): Uint8Array {
  return Uint8Array.fromHex(id.replaceAll("-", ""));
}
