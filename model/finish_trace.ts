// The last touch on a trace before it is answered, on its bytes.
// Rules: resource, scope and status are always there, because Grafana's plugin dereferences them
// unseen; a SERVER span that shares its id with a CLIENT span, as Zipkin's do, gets an id of its own.
import { ByteWriter } from "../lib/byte_writer.ts";
import { bytesTag, eachBody, everyField } from "../lib/protobuf_fields.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

/** A TracesData message as it may be answered. */
export function finishTrace(traces: Uint8Array): Uint8Array<ArrayBuffer> {
  const freshIds = freshServerIds(traces);
  const out = new ProtobufWriter(new ByteWriter(traces.length + 1024));
  eachBody(traces, RESOURCE_SPANS, (resourceSpans) => {
    out.message(RESOURCE_SPANS, () => {
      copyWithFirst(out, resourceSpans, (scopeSpans) => {
        copyWithFirst(out, scopeSpans, (span) => writeSpan(out, span, freshIds));
      });
    });
  });
  return out.bytes.written();
}

/**
 * The spans that come first and fit into `bytesMax`, with their resources and scopes; what is left
 * of a trace that is too large to be answered whole.
 */
export function trimTrace(traces: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  let bytesLeft = bytesMax;
  const out = new ProtobufWriter(new ByteWriter(bytesMax));
  const copy = (message: Uint8Array, level: number) =>
    everyField(message, (tag, field, body) => {
      if (bytesLeft <= 0) return;
      if (tag === LEVEL_TAGS[level]) return out.message(tag >>> 3, () => copy(body, level + 1));
      bytesLeft -= field.length;
      if (bytesLeft >= 0) out.bytes.append(field);
    });
  copy(traces, 0);
  return out.bytes.written();
}

const RESOURCE_SPANS = 1;
/** In ResourceSpans the resource, in ScopeSpans the scope. */
const FIRST = 1;
/** In ResourceSpans the ScopeSpans, in ScopeSpans the spans. */
const PARTS = 2;
const LEVEL_TAGS = [bytesTag(RESOURCE_SPANS), bytesTag(PARTS)];
const SPAN_ID = bytesTag(2);
const PARENT_ID = bytesTag(4);
const KIND = 6 << 3;
const STATUS = bytesTag(15);
const KIND_SERVER = 2;
const KIND_CLIENT = 3;

/** Copies a message, its parts through `write`, and adds an empty first message if none is there. */
function copyWithFirst(
  out: ProtobufWriter,
  message: Uint8Array,
  write: (part: Uint8Array) => void,
): void {
  let hasFirst = false;
  everyField(message, (tag, field, body) => {
    if (tag === bytesTag(FIRST)) hasFirst = true;
    if (tag === bytesTag(PARTS)) out.message(PARTS, () => write(body));
    else out.bytes.append(field);
  });
  if (!hasFirst) out.message(FIRST, () => {});
}

function writeSpan(out: ProtobufWriter, span: Uint8Array, freshIds: Map<string, Uint8Array>): void {
  const { spanId, parentId, kind } = spanLinks(span);
  const own = kind === KIND_SERVER ? freshIds.get(spanId) : undefined;
  // The server span itself hangs below the client's; what hung below the shared id, below the server.
  const parent = own !== undefined ? Uint8Array.fromHex(spanId) : freshIds.get(parentId);
  let hasStatus = false;
  everyField(span, (tag, field) => {
    if (tag === STATUS) hasStatus = true;
    if (tag === SPAN_ID && own !== undefined) out.binary(2, own);
    else if (tag !== PARENT_ID || parent === undefined) out.bytes.append(field);
  });
  if (parent !== undefined) out.binary(4, parent);
  if (!hasStatus) out.message(15, () => {});
}

/** New ids of SERVER spans by the id they share with a CLIENT span; counted from 1. */
function freshServerIds(traces: Uint8Array): Map<string, Uint8Array> {
  const used = new Set<string>();
  const clients = new Set<string>();
  const servers = new Set<string>();
  eachBody(traces, RESOURCE_SPANS, (resourceSpans) => {
    eachBody(resourceSpans, PARTS, (scopeSpans) => {
      eachBody(scopeSpans, PARTS, (span) => {
        const { spanId, kind } = spanLinks(span);
        used.add(spanId);
        if (kind === KIND_CLIENT) clients.add(spanId);
        if (kind === KIND_SERVER) servers.add(spanId);
      });
    });
  });
  const fresh = new Map<string, Uint8Array>();
  let next = 0n;
  for (const shared of servers) {
    if (!clients.has(shared)) continue;
    const id = new Uint8Array(8);
    do new DataView(id.buffer).setBigUint64(0, ++next); while (used.has(id.toHex()));
    fresh.set(shared, id);
  }
  return fresh;
}

function spanLinks(span: Uint8Array): { spanId: string; parentId: string; kind: number } {
  const links = { spanId: "", parentId: "", kind: 0 };
  everyField(span, (tag, field, body) => {
    if (tag === SPAN_ID) links.spanId = body.toHex();
    else if (tag === PARENT_ID) links.parentId = body.toHex();
    else if (tag === KIND) links.kind = field.length === 2 ? field[1]! : 0;
  });
  return links;
}
