// A message of the gossip, as bytes. Two members exchange one each way; a third carries what the
// answer asked for. Bytes: docs/formats/gossip.md.
//
//   from      name of the sender
//   hash      of its entries, two words
//   beats     of all beating entries in the order of their ids, as ages in seconds below the newest:
//             only of use to a receiver with the same hash, which has the same ids
//   rumors    entries that changed lately
//   digest    of every entry: hash of its id, hash of its contents; asks for a full exchange
//   wanted    hashes of ids whose entries the sender would like to have
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { check } from "../../lib/errors.ts";
import { type Entry, TOMBSTONE_RANK } from "./replicated_map.ts";

export interface Rumor {
  readonly id: string;
  readonly entry: Entry;
  /** 0 for entries without heartbeat. */
  readonly beat: number;
}

export interface Message {
  readonly from: string;
  readonly hash: readonly [number, number];
  readonly beats: readonly number[];
  readonly rumors: readonly Rumor[];
  /** Pairs. */
  readonly digest: Uint32Array | undefined;
  readonly wanted: Uint32Array;
}

const VERSION = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
/** Of one message; whoever sends more means no good. */
const ENTRIES_MAX = 1_000_000;

export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(256 + message.beats.length);
  out.u8(VERSION);
  text(out, message.from);
  message.hash.forEach((word) => out.u32(word));
  writeBeats(out, message.beats);
  out.varint(message.rumors.length);
  for (const { id, entry, beat } of message.rumors) {
    text(out, id);
    out.varint(entry.timestampMs);
    out.u8(entry.rank);
    text(out, entry.value);
    out.varint(beat);
  }
  words(out, message.digest ?? new Uint32Array(0));
  words(out, message.wanted);
  out.u8(message.digest === undefined ? 0 : 1);
  return out.copy();
}

/** Throws CorruptionError for bytes that no `encodeMessage` has written. */
export function decodeMessage(bytes: Uint8Array): Message {
  const cursor = new ByteCursor(bytes);
  const version = cursor.u8();
  check(version === VERSION, `gossip of version ${version}, this is ${VERSION}`, 0);
  const from = readText(cursor);
  const hash = [cursor.u32(), cursor.u32()] as const;
  const beats = readBeats(cursor);
  const rumors = Array.from({ length: count(cursor, 5) }, (): Rumor => {
    const id = readText(cursor);
    const timestampMs = cursor.varint();
    const rank = cursor.u8();
    const value = readText(cursor);
    check(rank === TOMBSTONE_RANK || isObject(value), `no value of an entry: ${id}`, cursor.at);
    return { id, entry: { timestampMs, rank, value }, beat: cursor.varint() };
  });
  const digest = readWords(cursor);
  const wanted = readWords(cursor);
  const hasDigest = cursor.u8() === 1;
  check(cursor.at === bytes.length, "bytes behind a gossip message", cursor.at);
  return { from, hash, beats, rumors, digest: hasDigest ? digest : undefined, wanted };
}

// A thousand members exchange a thousand of these each time: plain loops.
function writeBeats(out: ByteWriter, beats: readonly number[]): void {
  let newest = 0;
  for (let i = 0; i < beats.length; i++) if (beats[i]! > newest) newest = beats[i]!;
  out.varint(newest);
  out.varint(beats.length);
  out.reserve(10 * beats.length);
  for (let i = 0; i < beats.length; i++) {
    const age = newest - beats[i]!;
    if (age < 128) out.bytes[out.length++] = age;
    else out.varint(age);
  }
}

function readBeats(cursor: ByteCursor): number[] {
  const newest = cursor.varint();
  const beats = new Array<number>(count(cursor, 1));
  const { bytes, end } = cursor;
  for (let i = 0; i < beats.length; i++) {
    const isOneByte = cursor.at < end && bytes[cursor.at]! < 128; // nearly all of them
    beats[i] = newest - (isOneByte ? bytes[cursor.at++]! : cursor.varint());
  }
  return beats;
}

function text(out: ByteWriter, value: string): void {
  const bytes = encoder.encode(value);
  out.varint(bytes.length);
  out.append(bytes);
}

function readText(cursor: ByteCursor): string {
  const bytes = cursor.take(cursor.varint());
  try {
    return decoder.decode(bytes);
  } catch {
    check(false, "text that is not UTF-8", cursor.at);
  }
}

/** Every value is a JSON object: whoever reads entries may rely on it. */
function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function words(out: ByteWriter, values: Uint32Array): void {
  out.varint(values.length);
  for (let i = 0; i < values.length; i++) out.u32(values[i]!);
}

function readWords(cursor: ByteCursor): Uint32Array {
  const values = new Uint32Array(count(cursor, 4));
  for (let i = 0; i < values.length; i++) values[i] = cursor.u32();
  return values;
}

/** Of things that have at least `bytesMin` bytes each: a lie is found before memory is taken for it. */
function count(cursor: ByteCursor, bytesMin: number): number {
  const value = cursor.varint();
  const fits = value <= ENTRIES_MAX && value * bytesMin <= cursor.end - cursor.at;
  check(fits, `${value} entries do not fit`, cursor.at);
  return value;
}
