// The fields of a protobuf message as slices of its bytes: for copying messages with small changes.
import { ProtobufReader, WireType } from "./protobuf_reader.ts";

/** The tag of a length-delimited field: its number and wire type as one number. */
export function bytesTag(field: number): number {
  return field << 3 | WireType.Bytes;
}

/** `field` is tag and value; `body` the content of a length-delimited value, else empty. */
export function everyField(
  message: Uint8Array,
  visit: (tag: number, field: Uint8Array, body: Uint8Array) => void,
): void {
  const reader = new ProtobufReader();
  reader.reset(message);
  const end = message.length;
  while (reader.position < end) {
    const start = reader.position;
    const tag = reader.tag(end);
    let bodyStart = end;
    if ((tag & 7) === WireType.Bytes) {
      const bodyEnd = reader.lengthEnd(end);
      bodyStart = reader.position;
      reader.position = bodyEnd;
    } else reader.skip(tag, end);
    const { position } = reader;
    visit(tag, message.subarray(start, position), message.subarray(bodyStart, position));
  }
}

/** The bodies of one length-delimited field. */
export function eachBody(
  message: Uint8Array,
  field: number,
  visit: (body: Uint8Array) => void,
): void {
  const wanted = bytesTag(field);
  everyField(message, (tag, _field, body) => {
    if (tag === wanted) visit(body);
  });
}
