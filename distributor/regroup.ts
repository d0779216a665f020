// Splits an OTLP request into one OTLP message per trace, without decoding span bodies.
//
//   ResourceSpans { resource, ScopeSpans { scope, spans of traces A B A }, … }
//     ─▶ A: ResourceSpans { resource, ScopeSpans { scope, A A } }
//     ─▶ B: ResourceSpans { resource, ScopeSpans { scope, B } }
//
// Rules: spans keep their order and bytes; everything beside the spans (resource, scope, schema
// URLs, unknown fields) is copied to every message that needs it; one bad id refuses the whole
// request; a malformed request throws ProtobufError as a whole.
// Bench: bench/regroup_bench.ts, 2.8M spans per CPU-s in requests of 30 spans, 5.5M in those of 300.

import { IntList } from "../lib/growable.ts";
import { ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { varintSize, writeVarint } from "../lib/varint.ts";
import type { TraceMessage } from "../model/record.ts";
import { EVENT, LINK, mustCut, RESOURCE, SCOPE, type Shape, SPAN_ATTRIBUTE } from "./truncate.ts";

/** Why a request cannot be taken; the first of its bad ids. */
export interface Refusal {
  readonly reason: "invalid_trace_id" | "invalid_span_id";
  readonly message: string;
}

const RESOURCE_SPANS_TAG = 1 << 3 | WireType.Bytes;
const SCOPE_SPANS_TAG = 2 << 3 | WireType.Bytes;
const SPAN_TAG = 2 << 3 | WireType.Bytes;
/** The resource of a ResourceSpans, the scope of a ScopeSpans. */
const OWNER_TAG = 1 << 3 | WireType.Bytes;
// Fields of a span.
const TRACE_ID_TAG = 1 << 3 | WireType.Bytes;
const SPAN_ID_TAG = 2 << 3 | WireType.Bytes;
const PARENT_ID_TAG = 4 << 3 | WireType.Bytes;
const ATTRIBUTE_TAG = 9 << 3 | WireType.Bytes;
const EVENT_TAG = 11 << 3 | WireType.Bytes;
const LINK_TAG = 13 << 3 | WireType.Bytes;

/** Clearing a hash table that one huge request left behind would slow down all after it. */
const SLOTS_KEPT = 4096;

export function indexRequest(request: Uint8Array, attributeBytesMax: number): RequestIndex {
  const index = new RequestIndex();
  index.read(request, attributeBytesMax);
  return index;
}

/**
 * Where things lie in a request; every list holds positions, nothing is copied until `traces`.
 * Used again for request after request: new lists would cost more than indexing 30 spans does.
 */
export class RequestIndex {
  /** All spans, also those with bad ids. */
  spanCount = 0;
  traceCount = 0;
  refusal: Refusal | undefined;
  /** An attribute must be cut, or a parent id is all zero. */
  needsRewrite = false;
  readonly #reader = new ProtobufReader();
  #request: Uint8Array = new Uint8Array(0);

  // What surrounds spans: pieces [start, end) of group g are pieces[pieceStart[g], pieceStart[g + 1]).
  // A group is a ResourceSpans (parent -1) or a ScopeSpans (parent: its ResourceSpans).
  readonly #pieces = new IntList();
  readonly #pieceStart = new IntList();
  readonly #parent = new IntList();

  // Spans that were accepted, tag and length included, in order of the request.
  readonly #spanStart = new IntList();
  readonly #spanEnd = new IntList();
  readonly #spanGroup = new IntList();
  readonly #nextOfTrace = new IntList(); // the trace's next span, or -1

  readonly #traceIdAt = new IntList();
  readonly #firstOfTrace = new IntList();
  readonly #lastOfTrace = new IntList();
  readonly #countOfTrace = new IntList();
  #slots = new Int32Array(64); // trace + 1; 0 is free

  /** Lengths of the messages to write, a trace's one after another, parents before children. */
  readonly #sizes = new IntList();
  #attributeBytesMax = 0;

  /** Forgets the request before. */
  read(request: Uint8Array, attributeBytesMax: number): void {
    this.#clear();
    this.#request = request;
    this.#attributeBytesMax = attributeBytesMax;
    const reader = this.#reader;
    reader.reset(request);
    const end = request.length;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === RESOURCE_SPANS_TAG) this.#indexResourceSpans(reader.lengthEnd(end));
      else reader.skip(tag, end);
    }
  }

  #clear(): void {
    this.spanCount = 0;
    this.traceCount = 0;
    this.refusal = undefined;
    this.needsRewrite = false;
    this.#pieces.length = 0;
    this.#pieceStart.length = 0;
    this.#parent.length = 0;
    this.#spanStart.length = 0;
    this.#spanEnd.length = 0;
    this.#spanGroup.length = 0;
    this.#nextOfTrace.length = 0;
    this.#traceIdAt.length = 0;
    this.#firstOfTrace.length = 0;
    this.#lastOfTrace.length = 0;
    this.#countOfTrace.length = 0;
    this.#sizes.length = 0;
    if (this.#slots.length > SLOTS_KEPT) this.#slots = new Int32Array(64);
    else this.#slots.fill(0);
  }

  #indexResourceSpans(end: number): void {
    const reader = this.#reader;
    const start = reader.position;
    const group = this.#indexPieces(-1, RESOURCE, SCOPE_SPANS_TAG, end);
    reader.position = start;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === SCOPE_SPANS_TAG) this.#indexScopeSpans(group, reader.lengthEnd(end));
      else reader.skip(tag, end);
    }
  }

  #indexScopeSpans(parent: number, end: number): void {
    const reader = this.#reader;
    const start = reader.position;
    const group = this.#indexPieces(parent, SCOPE, SPAN_TAG, end);
    reader.position = start;
    while (reader.position < end) {
      const spanStart = reader.position;
      const tag = reader.tag(end);
      if (tag === SPAN_TAG) this.#indexSpan(group, spanStart, reader.lengthEnd(end));
      else reader.skip(tag, end);
    }
  }

  /** Opens a group: notes all its fields but those with `childTag`, neighbours as one piece. */
  #indexPieces(parent: number, owner: Shape, childTag: number, end: number): number {
    const reader = this.#reader;
    const pieces = this.#pieces;
    const group = this.#parent.length;
    this.#parent.push(parent);
    this.#pieceStart.push(pieces.length);
    let pieceStart = reader.position;
    while (reader.position < end) {
      const fieldStart = reader.position;
      const tag = reader.tag(end);
      if (tag === OWNER_TAG) this.#checkTexts(owner, reader.lengthEnd(end));
      else reader.skip(tag, end);
      if (tag !== childTag) continue;
      if (fieldStart > pieceStart) {
        pieces.push(pieceStart);
        pieces.push(fieldStart);
      }
      pieceStart = reader.position;
    }
    if (end > pieceStart) {
      pieces.push(pieceStart);
      pieces.push(end);
    }
    return group;
  }

  #indexSpan(group: number, start: number, end: number): void {
    const reader = this.#reader;
    this.spanCount++;
    // All fields are walked, because the last of a field wins and because this finds broken framing.
    let traceIdAt = -1;
    let traceIdSize = 0;
    let spanIdAt = -1;
    let spanIdSize = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === ATTRIBUTE_TAG) this.#checkTexts(SPAN_ATTRIBUTE, reader.lengthEnd(end));
      else if (tag === EVENT_TAG) this.#checkTexts(EVENT, reader.lengthEnd(end));
      else if (tag === TRACE_ID_TAG) {
        const idEnd = reader.lengthEnd(end);
        traceIdAt = reader.position;
        traceIdSize = idEnd - traceIdAt;
        reader.position = idEnd;
      } else if (tag === SPAN_ID_TAG) {
        const idEnd = reader.lengthEnd(end);
        spanIdAt = reader.position;
        spanIdSize = idEnd - spanIdAt;
        reader.position = idEnd;
      } else if (tag === PARENT_ID_TAG) this.#checkParentId(reader.lengthEnd(end));
      else if (tag === LINK_TAG) this.#checkLink(reader.lengthEnd(end));
      else reader.skip(tag, end);
    }
    const trace = traceIdSize === 16 ? this.#trace(traceIdAt) : -1;
    if (trace < 0) return this.#refuseTraceId(traceIdSize);
    if (spanIdSize !== 8 || this.#isZero(spanIdAt)) return this.#refuseSpanId(spanIdSize);
    const span = this.#spanStart.length;
    this.#spanStart.push(start);
    this.#spanEnd.push(end);
    this.#spanGroup.push(group);
    this.#nextOfTrace.push(-1);
    const last = this.#lastOfTrace.values[trace]!;
    if (last < 0) this.#firstOfTrace.values[trace] = span;
    else this.#nextOfTrace.values[last] = span;
    this.#lastOfTrace.values[trace] = span;
    this.#countOfTrace.values[trace]!++;
  }

  /** Moves past a message that may hold attributes; only a long one can hold a long text. */
  #checkTexts(shape: Shape, end: number): void {
    const reader = this.#reader;
    const max = this.#attributeBytesMax;
    if (end - reader.position > max && !this.needsRewrite) {
      this.needsRewrite = mustCut(reader, shape, end, max);
    }
    reader.position = end;
  }

  /** A root's parent id is empty; some senders write eight zeros, which the rewrite removes. */
  #checkParentId(end: number): void {
    const reader = this.#reader;
    const size = end - reader.position;
    if (size === 8) {
      if (this.#isZero(reader.position)) this.needsRewrite = true;
    } else if (size !== 0) {
      this.#refuse(
        "invalid_span_id",
        `parent span ids must be empty or 64 bit, received ${size * 8} bits`,
      );
    }
    reader.position = end;
  }

  #checkLink(end: number): void {
    const reader = this.#reader;
    const start = reader.position;
    this.#checkTexts(LINK, end);
    reader.position = start;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag !== TRACE_ID_TAG && tag !== SPAN_ID_TAG) {
        reader.skip(tag, end);
        continue;
      }
      const idEnd = reader.lengthEnd(end);
      const bits = (idEnd - reader.position) * 8;
      reader.position = idEnd;
      if (tag === TRACE_ID_TAG && bits !== 128 && bits !== 0) {
        this.#refuse(
          "invalid_trace_id",
          `trace ids of links must be 128 bit, received ${bits} bits`,
        );
      } else if (tag === SPAN_ID_TAG && bits !== 64 && bits !== 0) {
        this.#refuse("invalid_span_id", `span ids of links must be 64 bit, received ${bits} bits`);
      }
    }
  }

  /** Whether the 8 bytes at `at` are zero. */
  #isZero(at: number): boolean {
    const { view } = this.#reader;
    return view.getInt32(at, true) === 0 && view.getInt32(at + 4, true) === 0;
  }

  // An id of zeros counts as empty, as it does for Tempo.
  #refuseTraceId(size: number): void {
    const bits = size === 16 ? 0 : size * 8;
    this.#refuse("invalid_trace_id", `trace ids must be 128 bit, received ${bits} bits`);
  }

  #refuseSpanId(size: number): void {
    const bits = size === 8 ? 0 : size * 8;
    const message = `span ids must be 64 bit and not all zero, received ${bits} bits`;
    this.#refuse("invalid_span_id", message);
  }

  #refuse(reason: Refusal["reason"], message: string): void {
    this.refusal ??= { reason, message };
  }

  /** The number of the trace whose id lies at `at`; -1 for the zero id. */
  #trace(at: number): number {
    const { view } = this.#reader;
    const w0 = view.getInt32(at, true);
    const w1 = view.getInt32(at + 4, true);
    const w2 = view.getInt32(at + 8, true);
    const w3 = view.getInt32(at + 12, true);
    if ((w0 | w1 | w2 | w3) === 0) return -1;
    const mask = this.#slots.length - 1;
    for (let slot = mixed(w0, w1, w2, w3) & mask;; slot = (slot + 1) & mask) {
      const trace = this.#slots[slot]! - 1;
      if (trace < 0) return this.#addTrace(at, slot);
      const other = this.#traceIdAt.values[trace]!;
      if (
        view.getInt32(other, true) === w0 && view.getInt32(other + 4, true) === w1 &&
        view.getInt32(other + 8, true) === w2 && view.getInt32(other + 12, true) === w3
      ) return trace;
    }
  }

  #addTrace(at: number, slot: number): number {
    const trace = this.traceCount++;
    this.#traceIdAt.push(at);
    this.#firstOfTrace.push(-1);
    this.#lastOfTrace.push(-1);
    this.#countOfTrace.push(0);
    this.#slots[slot] = trace + 1;
    if (this.traceCount * 2 > this.#slots.length) this.#rehash();
    return trace;
  }

  #rehash(): void {
    const { view } = this.#reader;
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let trace = 0; trace < this.traceCount; trace++) {
      const at = this.#traceIdAt.values[trace]!;
      let slot = mask & mixed(
        view.getInt32(at, true),
        view.getInt32(at + 4, true),
        view.getInt32(at + 8, true),
        view.getInt32(at + 12, true),
      );
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = trace + 1;
    }
  }

  /** One message per trace, in the order in which traces first appear; all share one buffer. */
  traces(): TraceMessage[] {
    const ends: number[] = [];
    let total = 0;
    for (let trace = 0; trace < this.traceCount; trace++) ends.push(total += this.#measure(trace));
    const bytes = new Uint8Array(total);
    const traces: TraceMessage[] = [];
    let at = 0;
    let sizeAt = 0;
    for (let trace = 0; trace < this.traceCount; trace++) {
      sizeAt = this.#write(trace, bytes, at, sizeAt);
      const idAt = this.#traceIdAt.values[trace]!;
      traces.push({
        traceId: this.#request.subarray(idAt, idAt + 16),
        bytes: bytes.subarray(at, ends[trace]),
        spanCount: this.#countOfTrace.values[trace]!,
      });
      at = ends[trace]!;
    }
    return traces;
  }

  /** Writes a trace's message, whose sizes begin at `sizeAt`, and returns where the next ones do. */
  #write(trace: number, bytes: Uint8Array, at: number, sizeAt: number): number {
    const sizes = this.#sizes.values;
    const groups = this.#spanGroup.values;
    const next = this.#nextOfTrace.values;
    let span = this.#firstOfTrace.values[trace]!;
    while (span >= 0) {
      const resource = this.#parent.values[groups[span]!]!;
      bytes[at++] = RESOURCE_SPANS_TAG;
      at = writeVarint(bytes, at, sizes[sizeAt++]!);
      at = this.#copyPieces(resource, bytes, at);
      while (span >= 0 && this.#parent.values[groups[span]!] === resource) {
        const scope = groups[span]!;
        bytes[at++] = SCOPE_SPANS_TAG;
        at = writeVarint(bytes, at, sizes[sizeAt++]!);
        at = this.#copyPieces(scope, bytes, at);
        while (span >= 0 && groups[span] === scope) {
          const start = this.#spanStart.values[span]!;
          let end = this.#spanEnd.values[span]!;
          span = next[span]!;
          // Spans that lie side by side are copied as one.
          while (span >= 0 && groups[span] === scope && this.#spanStart.values[span] === end) {
            end = this.#spanEnd.values[span]!;
            span = next[span]!;
          }
          bytes.set(this.#request.subarray(start, end), at);
          at += end - start;
        }
      }
    }
    return sizeAt;
  }

  /** The size of a trace's message; those of the messages in it are appended to `#sizes`. */
  #measure(trace: number): number {
    const sizes = this.#sizes;
    const groups = this.#spanGroup.values;
    let total = 0;
    let span = this.#firstOfTrace.values[trace]!;
    while (span >= 0) {
      const resource = this.#parent.values[groups[span]!]!;
      const resourceAt = sizes.length;
      sizes.push(0);
      let resourceSize = this.#piecesSize(resource);
      while (span >= 0 && this.#parent.values[groups[span]!] === resource) {
        const scope = groups[span]!;
        let scopeSize = this.#piecesSize(scope);
        while (span >= 0 && groups[span] === scope) {
          scopeSize += this.#spanEnd.values[span]! - this.#spanStart.values[span]!;
          span = this.#nextOfTrace.values[span]!;
        }
        sizes.push(scopeSize);
        resourceSize += 1 + varintSize(scopeSize) + scopeSize;
      }
      sizes.values[resourceAt] = resourceSize;
      total += 1 + varintSize(resourceSize) + resourceSize;
    }
    return total;
  }

  #piecesEnd(group: number): number {
    return group + 1 < this.#pieceStart.length
      ? this.#pieceStart.values[group + 1]!
      : this.#pieces.length;
  }

  #piecesSize(group: number): number {
    let size = 0;
    for (let i = this.#pieceStart.values[group]!; i < this.#piecesEnd(group); i += 2) {
      size += this.#pieces.values[i + 1]! - this.#pieces.values[i]!;
    }
    return size;
  }

  #copyPieces(group: number, bytes: Uint8Array, at: number): number {
    for (let i = this.#pieceStart.values[group]!; i < this.#piecesEnd(group); i += 2) {
      const piece = this.#request.subarray(this.#pieces.values[i], this.#pieces.values[i + 1]);
      bytes.set(piece, at);
      at += piece.length;
    }
    return at;
  }
}

function mixed(w0: number, w1: number, w2: number, w3: number): number {
  const hash = Math.imul(w0 ^ Math.imul(w1, 0x85ebca6b), 0x9e3779b1) ^
    Math.imul(w2 ^ Math.imul(w3, 0xc2b2ae35), 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}
