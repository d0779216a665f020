// A copy of a request in which over-long attributes are cut and all-zero parent ids are gone.
// Cut are attribute keys and string values (not those inside lists), at bytes as Tempo does, so
// that a character can be split. Everything else keeps its bytes and order.
// Not the hot path: a request comes here only if the index saw something too long or a zero parent.

import { ByteWriter } from "../lib/byte_writer.ts";
import { ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

export type AttributeScope = "resource" | "scope" | "span" | "event" | "link";

export interface Truncated {
  /** The request itself if nothing had to go. */
  readonly request: Uint8Array;
  /** Keys and values cut. */
  readonly cuts: Readonly<Record<AttributeScope, number>>;
}

export function truncateAttributes(request: Uint8Array, attributeBytesMax: number): Truncated {
  const copy = new TruncatingCopy(request, attributeBytesMax);
  copy.message(REQUEST, request.length);
  return { request: copy.isChanged ? copy.written() : request, cuts: copy.cuts };
}

/** Whether something in the message that `reader` stands at, up to `end`, has to be cut. */
export function mustCut(
  reader: ProtobufReader,
  shape: Shape,
  end: number,
  attributeBytesMax: number,
): boolean {
  while (reader.position < end) {
    const tag = reader.tag(end);
    const field = (tag & 7) === WireType.Bytes ? shape.fields[tag >>> 3] : undefined;
    if (field === undefined) {
      reader.skip(tag, end);
      continue;
    }
    const bodyEnd = reader.lengthEnd(end);
    if (bodyEnd - reader.position > attributeBytesMax) {
      if (field === "text") return true;
      if (field !== "id" && mustCut(reader, field, bodyEnd, attributeBytesMax)) return true;
    }
    reader.position = bodyEnd;
  }
  return false;
}

/** What to do with the fields of a message, by field number; fields that are not named are copied. */
export interface Shape {
  readonly fields: Readonly<Record<number, Shape | "text" | "id">>;
  /** Set on the messages of attributes. */
  readonly scope?: AttributeScope;
  /** No need to look inside if the message is not longer than the limit. */
  readonly isOnlyText?: boolean;
}

function attribute(scope: AttributeScope): Shape {
  const value: Shape = { scope, fields: { 1: "text" }, isOnlyText: true };
  return { scope, fields: { 1: "text", 2: value }, isOnlyText: true };
}

export const SPAN_ATTRIBUTE = attribute("span");
export const RESOURCE: Shape = { fields: { 1: attribute("resource") }, isOnlyText: true };
export const SCOPE: Shape = { fields: { 3: attribute("scope") }, isOnlyText: true };
export const EVENT: Shape = { fields: { 3: attribute("event") }, isOnlyText: true };
export const LINK: Shape = { fields: { 4: attribute("link") }, isOnlyText: true };
const SPAN: Shape = { fields: { 4: "id", 9: SPAN_ATTRIBUTE, 11: EVENT, 13: LINK } };
const SCOPE_SPANS: Shape = { fields: { 1: SCOPE, 2: SPAN } };
const RESOURCE_SPANS: Shape = { fields: { 1: RESOURCE, 2: SCOPE_SPANS } };
const REQUEST: Shape = { fields: { 1: RESOURCE_SPANS } };

class TruncatingCopy {
  isChanged = false;
  readonly cuts: Record<AttributeScope, number> = {
    resource: 0,
    scope: 0,
    span: 0,
    event: 0,
    link: 0,
  };
  readonly #reader = new ProtobufReader();
  readonly #bytes: ByteWriter;
  readonly #writer: ProtobufWriter;
  readonly #max: number;

  constructor(request: Uint8Array, attributeBytesMax: number) {
    this.#reader.reset(request);
    this.#bytes = new ByteWriter(request.length + 16);
    this.#writer = new ProtobufWriter(this.#bytes);
    this.#max = attributeBytesMax;
  }

  written(): Uint8Array {
    return this.#bytes.written();
  }

  message(shape: Shape, end: number): void {
    const reader = this.#reader;
    while (reader.position < end) {
      const start = reader.position;
      const tag = reader.tag(end);
      const field = (tag & 7) === WireType.Bytes ? shape.fields[tag >>> 3] : undefined;
      if (field === undefined) {
        reader.skip(tag, end);
        this.#copy(start, reader.position);
        continue;
      }
      const bodyEnd = reader.lengthEnd(end);
      if (field === "id") this.#id(start, bodyEnd);
      else if (field === "text") this.#text(tag >>> 3, shape.scope!, start, bodyEnd);
      else if (field.isOnlyText && bodyEnd - reader.position <= this.#max) {
        this.#copy(start, bodyEnd);
      } else this.#writer.message(tag >>> 3, () => this.message(field, bodyEnd));
      reader.position = bodyEnd;
    }
  }

  #text(field: number, scope: AttributeScope, start: number, end: number): void {
    const { bytes, position } = this.#reader;
    if (end - position <= this.#max) return this.#copy(start, end);
    this.cuts[scope]++;
    this.isChanged = true;
    this.#writer.binary(field, bytes.subarray(position, position + this.#max));
  }

  #id(start: number, end: number): void {
    const { bytes, position } = this.#reader;
    for (let i = position; i < end; i++) {
      if (bytes[i] !== 0) return this.#copy(start, end);
    }
    this.isChanged = true;
  }

  #copy(start: number, end: number): void {
    this.#bytes.append(this.#reader.bytes.subarray(start, end));
  }
}
