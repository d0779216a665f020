// Writes a block unless, at its last step, there is a reason not to: whoever was believed dead for so
// long that others have done its work finds out before its block becomes visible.
import { metaKey } from "../../model/block_meta.ts";
import { isOfBlock } from "../block_end.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { CommitGuard } from "./commit_guard.ts";

/**
 * What `write` resolves with; or, if `obstacle` finds one just before the block's meta.json is written, that
 * obstacle, and nothing of the block is left.
 */
export async function withGuardedCommit<T, O>(
  store: ObjectStore,
  { tenant, blockId }: { readonly tenant: string; readonly blockId: string },
  obstacle: () => Promise<O | undefined>,
  write: (guarded: ObjectStore) => Promise<T>,
  signal: AbortSignal,
): Promise<T | O> {
  const guarded = new CommitGuard(store, metaKey(tenant, blockId), async () => {
    const found = await obstacle();
    if (found !== undefined) throw new Obstacle(found);
  });
  try {
    return await write(guarded);
  } catch (error) {
    if (!(error instanceof Obstacle)) throw error;
    const { objects } = await store.list(`${tenant}/${blockId}/`, undefined, signal);
    for (const { key } of objects) if (isOfBlock(key)) await store.delete(key, signal);
    return error.found as O;
  }
}

class Obstacle extends Error {
  override readonly name = "Obstacle";

  constructor(readonly found: unknown) {
    super("the block is not to be written any more");
  }
}
