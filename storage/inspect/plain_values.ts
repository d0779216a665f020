// Values as bounds have them (Parquet's PLAIN, without a length), in order and as text.

import { compareBytes } from "../../lib/compare_bytes.ts";
import { PhysicalType } from "../parquet/metadata.ts";

/** Null where the bytes are no value of the type. */
export type PlainValue = bigint | number | Uint8Array | null;

/** `logical` as in footer_details.ts: whether an integer has a sign is said there. */
export function plainValue(
  bytes: Uint8Array,
  type: PhysicalType,
  logical: string | undefined,
): PlainValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasSign = !isUnsigned(logical);
  switch (type) {
    case PhysicalType.ByteArray:
      return bytes;
    case PhysicalType.Int32:
      if (bytes.length !== 4) return null;
      return BigInt(hasSign ? view.getInt32(0, true) : view.getUint32(0, true));
    case PhysicalType.Int64:
      if (bytes.length !== 8) return null;
      return hasSign ? view.getBigInt64(0, true) : view.getBigUint64(0, true);
    case PhysicalType.Double:
      return bytes.length === 8 ? view.getFloat64(0, true) : null;
    case PhysicalType.Boolean:
      return bytes.length === 1 ? bytes[0]! : null;
    default:
      return null;
  }
}

/** Parquet's order of the type. Values of one column only. */
export function compareValues(a: PlainValue, b: PlainValue): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

export function isUnsigned(logical: string | undefined): boolean {
  return logical?.endsWith(",false)") === true;
}

export function asText(
  bytes: Uint8Array,
  type: PhysicalType,
  logical: string | undefined,
): string {
  return valueText(plainValue(bytes, type, logical), type, logical);
}

/** Strings as they are, other bytes in hex. */
export function valueText(
  value: PlainValue,
  type: PhysicalType,
  logical: string | undefined,
): string {
  if (value instanceof Uint8Array) {
    return logical === "STRING" ? new TextDecoder().decode(value) : value.toHex();
  }
  return type === PhysicalType.Boolean ? String(value === 1) : String(value);
}
