// One process per data directory: two that append to one log would destroy it. The lock is the
// operating system's, so it goes with the process, however that ends.
import { InputError } from "../lib/errors.ts";

export async function lockDataDirectory(path: string): Promise<Disposable> {
  await Deno.mkdir(path, { recursive: true });
  const file = await Deno.open(`${path}/lock`, { create: true, read: true, write: true });
  if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
  file.close();
  throw new InputError(
    "failed_precondition",
    `segno.data_path ${path} is in use by another process`,
  );
}
