// An AnyValue from its protobuf JSON: the way back of any_value_json.ts, as rare as that.

import type { ProtobufWriter } from "../lib/protobuf_writer.ts";

// deno-lint-ignore no-explicit-any
export function putJsonValue(out: ProtobufWriter, value: any): void {
  if (value.stringValue !== undefined) out.text(1, value.stringValue);
  else if (value.boolValue !== undefined) out.varint64(2, value.boolValue ? 1 : 0, 0);
  else if (value.intValue !== undefined) {
    const int = BigInt.asUintN(64, BigInt(value.intValue));
    out.varint64(3, Number(int & 0xffffffffn), Number(int >> 32n));
  } else if (value.doubleValue !== undefined) {
    const words = new Uint32Array(new Float64Array([Number(value.doubleValue)]).buffer);
    out.fixed64(4, words[0]!, words[1]!);
  } else if (value.arrayValue !== undefined) {
    out.message(5, () => {
      for (const item of value.arrayValue.values ?? []) {
        out.message(1, () => putJsonValue(out, item));
      }
    });
  } else if (value.kvlistValue !== undefined) {
    out.message(6, () => {
      for (const pair of value.kvlistValue.values ?? []) {
        out.message(1, () => {
          out.text(1, pair.key ?? "");
          out.message(2, () => putJsonValue(out, pair.value ?? {}));
        });
      }
    });
  } else if (value.bytesValue !== undefined) out.binary(7, Uint8Array.fromBase64(value.bytesValue));
}
