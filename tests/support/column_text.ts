// A column as text, the way the golden files tell it: levels as digits, values as JSON.
import type { Column } from "../../storage/parquet/column.ts";
import { PhysicalType } from "../../storage/parquet/metadata.ts";
import type { GoldenColumn } from "./golden_blocks.ts";

export interface ColumnText {
  readonly r: string;
  readonly d: string;
  readonly v: readonly string[];
}

export function columnText(column: Column, like: GoldenColumn): ColumnText {
  const digits = (levels: Uint8Array) =>
    levels.length === 0
      ? "0".repeat(column.entryCount)
      : levels.subarray(0, column.entryCount).join("");
  return {
    r: digits(column.repetition),
    d: digits(column.definition),
    v: Array.from({ length: column.valueCount }, (_, i) => valueText(column, i, like)),
  };
}

/** Row groups one after the other. */
export function joined(parts: readonly ColumnText[]): ColumnText {
  return {
    r: parts.map(({ r }) => r).join(""),
    d: parts.map(({ d }) => d).join(""),
    v: parts.flatMap(({ v }) => v),
  };
}

function valueText(column: Column, i: number, { type, values_as }: GoldenColumn): string {
  const view = new DataView(column.words.buffer, column.words.byteOffset);
  const isUnsigned = /UINT|,false/.test(type);
  switch (column.leaf.type) {
    case PhysicalType.ByteArray: {
      const bytes = column.dictionary.at(column.codes[i]!);
      if (values_as === "hex") return JSON.stringify(bytes.toHex());
      try {
        const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
        return JSON.stringify(decoder.decode(bytes));
      } catch {
        return JSON.stringify({ hex: bytes.toHex() });
      }
    }
    case PhysicalType.Boolean:
      return String(column.bits[i] === 1);
    case PhysicalType.Int32:
      return String(isUnsigned ? column.ints[i]! >>> 0 : column.ints[i]);
    case PhysicalType.Double: {
      const value = column.doubles()[i]!;
      if (Number.isFinite(value) && !Object.is(value, -0)) return JSON.stringify(value);
      const name = Object.is(value, -0) ? "-0" : value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN";
      return JSON.stringify(name);
    }
    default: {
      const value = isUnsigned ? view.getBigUint64(i * 8, true) : view.getBigInt64(i * 8, true);
      return /string/.test(values_as) ? JSON.stringify(String(value)) : String(value);
    }
  }
}
