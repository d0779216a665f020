// The last touch on a trace before it is answered, on its bytes.
import { ByteWriter } from "../lib/byte_writer.ts";
import { bytesTag, eachBody, everyField } from "../lib/protobuf_fields.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

/**
 * A TracesData message as it may be answered: resource, scope and status are always there, even
 * empty, because Grafana's plugin dereferences them unseen.
 */
export function finishTrace(traces: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new ProtobufWriter(new ByteWriter(traces.length + 1024));
  eachBody(traces, RESOURCE_SPANS, (resourceSpans) => {
    out.message(RESOURCE_SPANS, () => {
      copyWith(FIRST, out, resourceSpans, (scopeSpans) => {
        copyWith(FIRST, out, scopeSpans, (span) => copyWith(STATUS, out, span));
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
const STATUS = 15;
const LEVEL_TAGS = [bytesTag(RESOURCE_SPANS), bytesTag(PARTS)];

/** Copies a message, its parts through `writePart` if given, and adds what is required if missing. */
function copyWith(
  required: number,
  out: ProtobufWriter,
  message: Uint8Array,
  writePart?: (part: Uint8Array) => void,
): void {
  let isThere = false;
  everyField(message, (tag, field, body) => {
    if (tag === bytesTag(required)) isThere = true;
    if (tag === bytesTag(PARTS) && writePart) out.message(PARTS, () => writePart(body));
    else out.bytes.append(field);
  });
  if (!isThere) out.message(required, () => {});
}
