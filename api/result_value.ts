// Attribute values of results, as JSON and as OTLP KeyValue messages.
import { putUint64 } from "./answer_format.ts";
import type { ResultAttribute, ResultValue } from "../query/engine/mod.ts";
import type { ProtobufWriter } from "../lib/protobuf_writer.ts";

export function attributeJson({ key, value }: ResultAttribute): unknown {
  return { ...(key === "" ? {} : { key }), value: valueJson(value) };
}

function valueJson(value: ResultValue): unknown {
  if ("doubleValue" in value && !Number.isFinite(value.doubleValue)) {
    return { doubleValue: String(value.doubleValue) };
  }
  if (!("arrayValue" in value)) return value;
  const { values } = value.arrayValue;
  return { arrayValue: values.length === 0 ? {} : { values: values.map(valueJson) } };
}

export function putAttribute(
  out: ProtobufWriter,
  field: number,
  { key, value }: ResultAttribute,
): void {
  out.message(field, () => {
    if (key !== "") out.text(1, key);
    out.message(2, () => putValue(out, value));
  });
}

/** A member of a oneof is written even if zero: its presence is the type. */
function putValue(out: ProtobufWriter, value: ResultValue): void {
  if ("stringValue" in value) out.text(1, value.stringValue);
  else if ("boolValue" in value) out.varint64(2, value.boolValue ? 1 : 0, 0);
  else if ("intValue" in value) {
    if (BigInt(value.intValue) === 0n) out.varint64(3, 0, 0);
    else putUint64(out, 3, BigInt(value.intValue));
  } else if ("doubleValue" in value) {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value.doubleValue, true);
    out.fixed64(4, bits.getUint32(0, true), bits.getUint32(4, true));
  } else {
    out.message(5, () => {
      for (const one of value.arrayValue.values) out.message(1, () => putValue(out, one));
    });
  }
}
