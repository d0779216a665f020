// All blocks that the peer wrote, whole, in one store: as a bucket of its looks.
import { MemoryObjectStore } from "../../storage/store/memory.ts";
import { goldenBlocks } from "./golden_blocks.ts";

const ROOT = new URL("../golden/blocks/", import.meta.url);

/** Those that are named, or all of them. */
export async function goldenStore(
  names: readonly string[] = Object.keys(goldenBlocks),
): Promise<MemoryObjectStore> {
  const store = new MemoryObjectStore();
  for (const [key, bytes] of goldenObjects(names)) await store.write(key, bytes);
  return store;
}

export function* goldenObjects(names: readonly string[]): Generator<[string, Uint8Array]> {
  for (const name of names) {
    const folder = new URL(`${goldenBlocks[name]}/`, ROOT);
    for (const { name: tenant } of Deno.readDirSync(folder)) {
      for (const { name: blockId } of Deno.readDirSync(new URL(`${tenant}/`, folder))) {
        const block = new URL(`${tenant}/${blockId}/`, folder);
        for (const { name: object } of Deno.readDirSync(block)) {
          const bytes = Deno.readFileSync(new URL(object, block));
          yield [`${tenant}/${blockId}/${object}`, bytes];
        }
      }
    }
  }
}

export const GOLDEN_TENANT = "single-tenant";
export const GOLDEN_V5 = "5a6b0000-0000-4000-8000-000000000001";
export const GOLDEN_V4 = "5a6b0000-0000-4000-8000-000000000004";
