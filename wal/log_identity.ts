// Who a log is: a random id, drawn when its directory is new and kept beside the segments. What is
// derived from offsets, as ids of blocks are, is derived from it too: offsets of two logs are the same numbers.
// Rules: it is durable before anything is appended; a log that is older than identities has none and
// keeps none, for what it has derived before must be derived again.
//
//   identity    36 characters of a UUID and a line feed
import { NotFoundError } from "../lib/errors.ts";
import type { Directory } from "../lib/fs.ts";
import type { Random } from "../lib/random.ts";

const NAME = "identity";
const NEW_NAME = "identity.new";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Of a log without one. */
export const NO_IDENTITY = "";

/**
 * `hasRecords`: whether a former life has left any. What is damaged is told and drawn anew: blocks of a
 * section that was not committed then have a twin, of which queries show each span once.
 */
export async function openIdentity(
  directory: Directory,
  random: Pick<Random, "uuid">,
  hasRecords: boolean,
  onDamage: () => void,
): Promise<string> {
  const kept = await readIdentity(directory);
  if (kept !== undefined && UUID.test(kept)) return kept;
  if (kept === undefined && hasRecords) return NO_IDENTITY;
  if (kept !== undefined) onDamage();
  const identity = random.uuid();
  const file = await directory.open(NEW_NAME, "write");
  try {
    await file.truncate(0);
    await file.write(new TextEncoder().encode(`${identity}\n`), 0);
    await file.sync();
  } finally {
    file.close();
  }
  await directory.rename(NEW_NAME, NAME);
  await directory.sync();
  return identity;
}

/** Undefined if there is none. */
async function readIdentity(directory: Directory): Promise<string | undefined> {
  try {
    const file = await directory.open(NAME, "read");
    try {
      const bytes = new Uint8Array(await file.sizeBytes());
      await file.read(bytes, 0);
      return new TextDecoder().decode(bytes).trimEnd();
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
