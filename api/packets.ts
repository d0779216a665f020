// Messages of a stream, none larger than a client takes: what repeats is shared out among them, what
// they have in common is in each.

import { ByteWriter } from "../lib/byte_writer.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

export type Put = (out: ProtobufWriter) => void;

/** At least one message; one that holds a single larger item is as large as that. */
export function* packets(
  items: Iterable<Put>,
  inEach: Put,
  bytesMax: number,
): Generator<Uint8Array> {
  const common = written(inEach);
  const out = new ProtobufWriter(new ByteWriter());
  let hasYielded = false;
  const packet = () => {
    hasYielded = true;
    out.bytes.append(common);
    const bytes = out.bytes.copy();
    out.bytes.clear();
    return bytes;
  };
  for (const item of items) {
    const bytes = written(item);
    const isFull = out.bytes.length + bytes.length + common.length > bytesMax;
    if (out.bytes.length > 0 && isFull) yield packet();
    out.bytes.append(bytes);
  }
  if (out.bytes.length > 0 || !hasYielded) yield packet();
}

function written(put: Put): Uint8Array {
  const out = new ProtobufWriter(new ByteWriter(256));
  put(out);
  return out.bytes.written();
}
