// Blocks written by the peer, read by us: every column, and every trace by its id.
import assert from "node:assert/strict";
import { BlockCache } from "../storage/block/block_cache.ts";
import { openBlock } from "../storage/block/block.ts";
import type { Column } from "../storage/parquet/column.ts";
import { PhysicalType } from "../storage/parquet/metadata.ts";
import {
  goldenBlock,
  goldenBlocks,
  type GoldenColumn,
  goldenColumns,
  goldenFinds,
} from "./support/golden_blocks.ts";
import { decodeOtlp, type Plain } from "./support/otlp.ts";

for (const name of Object.keys(goldenBlocks)) {
  Deno.test(`all columns of ${name} have the peer's levels and values`, async () => {
    const { store, meta } = await goldenBlock(name);
    const { file } = await openBlock(store, meta, new BlockCache(1 << 26));
    for (const [i, want] of goldenColumns(name).entries()) {
      for (const [g, wanted] of want.row_groups.entries()) {
        const group = file.metadata.rowGroups[g]!;
        const { path } = file.metadata.leaves[i]!;
        const column = (await file.column(group, path))!;
        const message = `${path} of row group ${g}`;
        assert.equal(path, want.path.replaceAll(/\.(list|element|key_value|value)\b/g, ""));
        assert.equal(digits(column, column.repetition), wanted.r, message);
        assert.equal(digits(column, column.definition), wanted.d, message);
        assert.deepEqual(valuesOf(column, want), wanted.v, message);
        const half = group.rows >> 1;
        const parts = [
          ...(half > 0 ? valuesOf((await file.rows(group, path, 0, half))!, want) : []),
          ...valuesOf((await file.rows(group, path, half, group.rows))!, want),
        ];
        assert.deepEqual(parts, wanted.v, `${message}, by ranges of rows`);
      }
    }
  });
}

function digits(column: Column, levels: Uint8Array): string {
  if (levels.length === 0) return "0".repeat(column.entryCount);
  return [...levels.subarray(0, column.entryCount)].join("");
}

function valuesOf(column: Column, want: GoldenColumn): Plain[] {
  const isUnsigned = /UINT|,false/.test(want.type);
  const view = new DataView(column.words.buffer, column.words.byteOffset, column.words.byteLength);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return Array.from({ length: column.valueCount }, (_, i) => {
    switch (column.leaf.type) {
      case PhysicalType.ByteArray: {
        const bytes = column.dictionary.at(column.codes[i]!);
        if (want.values_as === "hex") return bytes.toHex();
        try {
          return decoder.decode(bytes);
        } catch {
          return { hex: bytes.toHex() };
        }
      }
      case PhysicalType.Boolean:
        return column.bits[i] === 1;
      case PhysicalType.Int32:
        return isUnsigned ? column.ints[i]! >>> 0 : column.ints[i]!;
      case PhysicalType.Double: {
        const value = column.doubles()[i]!;
        if (Object.is(value, -0)) return "-0";
        if (Number.isFinite(value)) return value;
        return value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN";
      }
      default: {
        const value = isUnsigned ? view.getBigUint64(i * 8, true) : view.getBigInt64(i * 8, true);
        return /string/.test(want.values_as) ? String(value) : Number(value);
      }
    }
  });
}

for (const name of ["v5-default", "v4-default", "compaction-out"]) {
  Deno.test(`every trace of ${name} is found by id as the peer finds it`, async () => {
    const { store, meta } = await goldenBlock(name);
    const block = await openBlock(store, meta, new BlockCache(1 << 26));
    for (const { traceID, proto } of goldenFinds(name)) {
      const found = await block.findTrace(Uint8Array.fromHex(traceID.padStart(32, "0")));
      assert(found !== undefined, `${traceID} is not found`);
      assert.deepEqual(canonical(decodeOtlp(found)), canonical(decodeOtlp(proto)), traceID);
    }
    assert.equal(await block.findTrace(new Uint8Array(16).fill(0xee)), undefined);
  });
}

/** Bytes as hex and attributes in a fixed order, for they are sets. */
function canonical(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(canonical);
  if (value instanceof Uint8Array) return value.toHex();
  if (value === null || typeof value !== "object") return value;
  const copy: Plain = {};
  for (const key of Object.keys(value).sort()) copy[key] = canonical(value[key]);
  if (Array.isArray(copy.attributes)) {
    copy.attributes.sort((a: Plain, b: Plain) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  }
  return copy;
}
