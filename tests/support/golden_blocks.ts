// Blocks that the peer wrote, and what it reads in them.
import { gunzipSync } from "node:zlib";
import { dataKey, metaKey } from "../../model/block_meta.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { bloomKey } from "../../model/block_meta.ts";
import { MemoryObjectStore } from "../../storage/store/memory.ts";
import type { Plain } from "./otlp.ts";

const ROOT = new URL("../golden/blocks/", import.meta.url);

/** By the name of the files about them. */
export const goldenBlocks: Readonly<Record<string, string>> = {
  "v5-default": "v5/default",
  "v5-small-groups": "v5/small-groups",
  "v5-custom-dedicated": "v5/custom-dedicated",
  "v5-live-store": "v5/live-store",
  "v4-default": "v4/default",
  "compaction-a": "compaction/a",
  "compaction-b": "compaction/b",
  "compaction-out": "compaction/out",
};

/** The block in a store of its own. */
export async function goldenBlock(
  name: string,
): Promise<{ store: MemoryObjectStore; meta: BlockMeta }> {
  const tenants = new URL(`${goldenBlocks[name]}/`, ROOT);
  const tenant = [...Deno.readDirSync(tenants)][0]!.name;
  const blocks = new URL(`${tenant}/`, tenants);
  const folder = new URL(`${[...Deno.readDirSync(blocks)][0]!.name}/`, blocks);
  const files = new Map([...Deno.readDirSync(folder)].map(({ name }) => [
    name,
    Deno.readFileSync(new URL(name, folder)),
  ]));
  const bytes = files.get("meta.json") ?? files.get("meta.compacted.json")!;
  const meta: BlockMeta = JSON.parse(new TextDecoder().decode(bytes));
  const { tenantID, blockID } = meta;
  const store = new MemoryObjectStore();
  await store.write(metaKey(tenantID, blockID), bytes);
  await store.write(dataKey(tenantID, blockID), files.get("data.parquet")!);
  for (let shard = 0; shard < meta.bloomShards; shard++) {
    await store.write(bloomKey(tenantID, blockID, shard), files.get(`bloom-${shard}`)!);
  }
  return { store, meta };
}

export interface GoldenColumn {
  readonly path: string;
  readonly type: string;
  readonly values_as: string;
  readonly row_groups: readonly { r: string; d: string; v: Plain[] }[];
}

export function goldenColumns(name: string): GoldenColumn[] {
  return JSON.parse(unzipped(`${name}.columns.json.gz`)).columns;
}

/** Traces of each row group. */
export function goldenRows(name: string): number[] {
  return JSON.parse(unzipped(`${name}.columns.json.gz`)).row_group_rows;
}

/** The schema as text. */
export function goldenSchema(name: string): string {
  return JSON.parse(unzipped(`${name}.columns.json.gz`)).schema;
}

export interface GoldenFind {
  readonly name: string;
  readonly traceID: string;
  readonly proto: Uint8Array;
}

export function goldenFinds(name: string): GoldenFind[] {
  return unzipped(`${name}.find.jsonl.gz`).trim().split("\n").map((line) => {
    const found = JSON.parse(line);
    const texts = Object.entries(found).filter(([key]) => key !== "name" && key !== "traceID");
    return { ...found, proto: Uint8Array.fromBase64(texts[0]![1] as string) };
  });
}

function unzipped(name: string): string {
  return new TextDecoder().decode(gunzipSync(Deno.readFileSync(new URL(name, ROOT))));
}
