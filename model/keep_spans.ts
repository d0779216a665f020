// A trace without some of its spans, on its bytes: resources and scopes that lose all are left out.
import { ByteWriter } from "../lib/byte_writer.ts";
import { bytesTag, eachBody, everyField } from "../lib/protobuf_fields.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

/** Ids are 16 hex digits; "" is the parent of a root. */
export interface SpanLink {
  readonly spanId: string;
  readonly parentId: string;
}

export function spanLinks(traces: Uint8Array): SpanLink[] {
  const links: SpanLink[] = [];
  eachBody(traces, RESOURCE_SPANS, (resourceSpans) => {
    eachBody(resourceSpans, PARTS, (scopeSpans) => {
      eachBody(scopeSpans, PARTS, (span) => links.push(linkOf(span)));
    });
  });
  return links;
}

export function keepSpans(traces: Uint8Array, kept: ReadonlySet<string>): Uint8Array<ArrayBuffer> {
  const out = new ProtobufWriter(new ByteWriter(traces.length + 16));
  eachBody(traces, RESOURCE_SPANS, (resourceSpans) => {
    writeKept(
      RESOURCE_SPANS,
      out,
      resourceSpans,
      (scopeSpans) =>
        writeKept(PARTS, out, scopeSpans, (span) => {
          const isKept = kept.has(linkOf(span).spanId);
          if (isKept) out.binary(PARTS, span);
          return isKept;
        }),
    );
  });
  return out.bytes.written();
}

const RESOURCE_SPANS = 1;
/** In ResourceSpans the ScopeSpans, in ScopeSpans the spans. */
const PARTS = 2;
const SPAN_ID = bytesTag(2);
const PARENT_ID = bytesTag(4);

/** Writes the message as `field` if any of its parts was written; says whether. */
function writeKept(
  field: number,
  out: ProtobufWriter,
  message: Uint8Array,
  writePart: (part: Uint8Array) => boolean,
): boolean {
  const start = out.bytes.length;
  let hasParts = false;
  out.message(field, () => {
    everyField(message, (tag, bytes, body) => {
      if (tag !== bytesTag(PARTS)) out.bytes.append(bytes);
      else if (writePart(body)) hasParts = true;
    });
  });
  if (!hasParts) out.bytes.length = start;
  return hasParts;
}

function linkOf(span: Uint8Array): SpanLink {
  let spanId = "", parentId = "";
  everyField(span, (tag, _bytes, body) => {
    if (tag === SPAN_ID) spanId = body.toHex();
    else if (tag === PARENT_ID && body.some((byte) => byte !== 0)) parentId = body.toHex();
  });
  return { spanId, parentId };
}
