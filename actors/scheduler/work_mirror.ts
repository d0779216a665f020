// The copy of the scheduler's memory in the bucket, `work.json` at its root, for a scheduler that starts
// on a machine without the journal.
// Rule: what is there and is not ours, a peer's state or garbage, is no error; it is replaced.
import { CorruptionError } from "../../lib/errors.ts";
import { readIfAny } from "../../storage/mod.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import { checkpointOf, parseCheckpoint } from "./work_journal.ts";
import type { WorkState } from "./work_state.ts";

export const MIRROR_KEY = "work.json";

/** Undefined where there is none; CorruptionError where there is something else. */
export async function readMirror(
  store: ObjectStore,
  signal: AbortSignal,
): Promise<WorkState | undefined> {
  const bytes = await readIfAny(store, MIRROR_KEY, signal);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new CorruptionError("not JSON", 0, MIRROR_KEY);
  }
  const state = parseCheckpoint(value);
  if (state === undefined) throw new CorruptionError("not of this program", 0, MIRROR_KEY);
  return state;
}

/** How many bytes it has. */
export async function writeMirror(
  store: ObjectStore,
  state: WorkState,
  signal: AbortSignal,
): Promise<number> {
  const bytes = new TextEncoder().encode(JSON.stringify(checkpointOf(state)));
  await store.write(MIRROR_KEY, bytes, { signal });
  return bytes.length;
}
